using System.Net;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>A unicast or local route.</summary>
public sealed record FakeRoute(IPNetwork Destination, IPAddress? Gateway, FakeLink Link, int Table, int Metric)
{
    public IPAddress? PreferredSource { get; init; }

    /// <summary>RTPROT_KERNEL: it came with an address.</summary>
    public bool IsKernelMade { get; init; }

    public bool IsLinkScope { get; init; }

    /// <summary>Whether it bears the agent's protocol number.</summary>
    public bool IsMarked { get; init; }

    internal bool Replaces(FakeRoute other) =>
        Destination.Equals(other.Destination) && Table == other.Table && Metric == other.Metric;
}
