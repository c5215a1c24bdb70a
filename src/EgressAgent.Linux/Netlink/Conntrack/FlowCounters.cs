namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>What went in one direction; counted where <c>net.netfilter.nf_conntrack_acct</c> is on.</summary>
public readonly record struct FlowCounters(ulong Packets, ulong Bytes);
