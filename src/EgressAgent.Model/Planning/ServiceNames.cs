namespace EgressAgent.Model.Planning;

/// <summary>The kernel names of what all Services share.</summary>
public static class ServiceNames
{
    /// <summary>The netns in which each connection is given its router, below <c>/run/netns</c>. No router's begins so.</summary>
    public const string Netns = "egress-services";

    /// <summary>The node's end of the veth pair to it.</summary>
    public const string NodeLink = RouterNames.NodeLinkPrefix + "services";

    /// <summary>The other end of that pair, in the netns.</summary>
    public const string InsideLink = "eth0";
}
