namespace EgressAgent.Model.Planning;

/// <summary>
/// The firewall marks inside a router's netns: the ruleset sets them by where a packet came in, the routing policy reads them.
/// They mean nothing outside of it.
/// </summary>
public static class PacketMarks
{
    /// <summary>
    /// Came in from a client. What the router itself answers to it (a reset, an ICMP error) carries the mark too
    /// (<c>fwmark_reflect</c>) and so goes back to the client.
    /// </summary>
    public const uint FromClient = 0x1;

    /// <summary>Is a reply that came in on the clients' side, from the node itself as a destination.</summary>
    public const uint ReplyFromNode = 0x2;
}
