namespace EgressAgent.Model.Planning;

/// <summary>
/// The firewall marks inside a router's netns: the ruleset sets them by where a packet came in, the routing policy reads them.
/// They mean nothing outside of it. What is forwarded without one goes nowhere, so that nothing passes while there is no ruleset:
/// somebody flushed it, or it is being replaced.
/// </summary>
public static class PacketMarks
{
    /// <summary>
    /// A bit: came in from a client. What the router itself answers to it (a reset, an ICMP error) carries the mark too
    /// (<c>fwmark_reflect</c>) and so goes back to the client.
    /// </summary>
    public const uint FromClient = 0x1;

    /// <summary>The whole mark of a reply that came in on the clients' side, from the node itself as a destination.</summary>
    public const uint ReplyFromNode = 0x2;

    /// <summary>A bit: belongs to a flow that was redirected, in either direction, and so may be forwarded.</summary>
    public const uint Redirected = 0x4;

    /// <summary>
    /// A bit: came in by a Service and was not redirected, or goes back there: it belongs to a flow that a Service brought
    /// (<see cref="Redirected"/> as well then), or answers what it carried. Of the conntrack entries it marks those flows.
    /// </summary>
    public const uint ByService = 0x8;

    /// <summary>
    /// A bit: belongs to a flow that another machine began at an external address, in either direction, and goes by the main table: to
    /// the destination, and back to the physical network. Of the conntrack entries it marks those flows.
    /// </summary>
    public const uint FromLan = 0x10;

    /// <summary>
    /// A bit: sent by a socket of the relay towards a destination, where other processes may send nothing. The routing policy does not ask
    /// for it, so that those packets go where they would go without.
    /// </summary>
    public const uint OfRelay = 0x20;
}
