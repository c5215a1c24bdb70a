using EgressAgent.Linux.Netlink.Conntrack;

namespace EgressAgent.Engine.Flows;

/// <summary>What has become of a flow at the node that holds its router.</summary>
/// <param name="Flow">As that node's kernel has it.</param>
/// <param name="IsOver">Whether it is none any more that would go on elsewhere.</param>
internal sealed record FlowUpdate(ConntrackEntry Flow, bool IsOver);
