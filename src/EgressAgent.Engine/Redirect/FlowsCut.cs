using EgressAgent.Linux.Netlink.Conntrack;

namespace EgressAgent.Engine.Redirect;

/// <summary>Ends what sockets have of flows that are cut.</summary>
/// <param name="flows">As connection tracking has them, or had.</param>
/// <param name="areForgotten">
/// Whether it has them no more. Until then a packet of one still comes to its socket by the rule that is gone, and must begin nothing there:
/// the answers would find no entry that translates them.
/// </param>
internal delegate void FlowsCut(IReadOnlyList<ConntrackEntry> flows, bool areForgotten);
