using System.Net.NetworkInformation;
using EgressAgent.Model.Resources;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>A network interface. Change it through the <see cref="FakeNetns"/> that holds it.</summary>
public sealed class FakeLink
{
    internal FakeLink(FakeNetns netns, int index, string name, string kind, int mtu, PhysicalAddress mac)
    {
        Netns = netns;
        Index = index;
        Name = name;
        Kind = kind;
        Mtu = mtu;
        Mac = mac;
    }

    public int Index { get; }

    public string Name { get; internal set; }

    /// <summary>As the kernel calls it: <c>veth</c>, <c>macvlan</c>; empty for hardware.</summary>
    public string Kind { get; }

    public int Mtu { get; internal set; }

    public PhysicalAddress Mac { get; internal set; }

    public bool IsUp { get; internal set; }

    public uint Group { get; set; }

    public HashSet<string> AltNames { get; } = [];

    /// <summary>In the order in which they were added, which for IPv4 decides what is primary.</summary>
    public List<FakeAddress> Addresses { get; } = [];

    /// <summary>The other end of a veth pair.</summary>
    public FakeLink? Peer { get; internal set; }

    /// <summary>What a macvlan stands on.</summary>
    public FakeLink? Parent { get; internal set; }

    /// <summary>A macvlan's mode.</summary>
    public MacvlanMode Mode { get; internal set; }

    /// <summary>Whether a macvlan is behind the fence.</summary>
    public bool IsFenced { get; set; }

    /// <summary>Whether it is in the flowtable.</summary>
    public bool IsOffloaded { get; set; }

    public bool IsIPv6Disabled { get; internal set; }

    internal FakeNetns Netns { get; }

    public override string ToString() => $"{Name} in {Netns.Name}";
}
