namespace EgressAgent.Model;

/// <summary>What the agent is called on the bus: org.egressagent.Agent1(5). For the agent, and for who calls it.</summary>
public static class BusNames
{
    public const string Service = "org.egressagent.Agent1";
    public const string Manager = "org.egressagent.Agent1.Manager";
    public const string ServiceInterface = "org.egressagent.Agent1.Service";
    public const string Router = "org.egressagent.Agent1.Router";
    public const string RootPath = "/org/egressagent/Agent1";

    public const string NoSuchRouter = "org.egressagent.Agent1.Error.NoSuchRouter";

    /// <summary>What was claimed could not be taken yet.</summary>
    public const string NotHeld = "org.egressagent.Agent1.Error.NotHeld";
}
