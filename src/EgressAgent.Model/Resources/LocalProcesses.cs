namespace EgressAgent.Model.Resources;

/// <summary>Whether processes in a router's netns, which root put there, may send from its reserved addresses.</summary>
public enum LocalProcesses
{
    /// <summary>They reach any destination: the netns is a host like others, of which the reserved address is the own one.</summary>
    Allow,

    /// <summary>What they send is refused at once, of flows that they have begun before too. The router itself goes on.</summary>
    Deny,
}
