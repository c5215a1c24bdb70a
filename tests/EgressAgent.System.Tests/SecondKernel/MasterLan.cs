using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>
/// A LAN that the node is on by more than a NIC: 192.168.14.10 and 2001:db8:14::10 on <see cref="Master"/>, with the gateway at .1 and
/// ::1. It goes when it is disposed of.
/// </summary>
internal sealed class MasterLan : IDisposable
{
    private const string Low = "low0";
    private const string Low2 = "low1";

    private readonly DataPathLab _lab;
    private readonly LabSegment? _segment;

    private MasterLan(DataPathLab lab, LabSegment? segment, string master, string gatewayLink)
    {
        _lab = lab;
        _segment = segment;
        Master = master;
        GatewayLink = gatewayLink;
        AddAddresses(lab.Node, master, 10);
        AddAddresses(lab.Gateway, gatewayLink, 1);
    }

    /// <summary>The node's interface that has the addresses.</summary>
    public string Master { get; }

    /// <summary>The gateway's interface on this LAN.</summary>
    public string GatewayLink { get; }

    /// <summary>Builds the LAN of one kind: <c>VLAN</c>, <c>bond (MODE)</c>, <c>bridge</c>, <c>dummy</c> or <c>VRF</c>.</summary>
    public static MasterLan Build(DataPathLab lab, string kind)
    {
        if (kind == "dummy")
        {
            lab.Node.Ip("link add dummy0 type dummy");
            lab.Node.BringUp("dummy0");
            lab.Node.Ip($"link add link dummy0 name beyond netns {lab.Gateway.Namespace} type macvlan mode bridge");
            lab.Gateway.BringUp("beyond");
            return new MasterLan(lab, null, "dummy0", "beyond");
        }

        LabSegment segment = lab.AddSegment($"beyond{Environment.TickCount64}");
        segment.Attach(lab.Gateway, "beyond");
        segment.Attach(lab.Node, Low);
        switch (kind)
        {
            case "VLAN":
                AddVlan(lab.Node, Low);
                AddVlan(lab.Gateway, "beyond");
                return new MasterLan(lab, segment, $"{Low}.100", "beyond.100");
            case "bridge":
                lab.Node.Ip("link add br0 type bridge");
                Enslave(lab.Node, "br0", Low);
                return new MasterLan(lab, segment, "br0", "beyond");
            case "VRF":
                lab.Node.Ip("link add red type vrf table 1014");
                Enslave(lab.Node, "red", Low);
                return new MasterLan(lab, segment, Low, "beyond");
            default:
                segment.Attach(lab.Node, Low2, port: 2);
                lab.Node.Ip($"link add team0 type bond mode {kind.Split('(', ')')[1]} miimon 20");
                Enslave(lab.Node, "team0", Low, Low2);
                return new MasterLan(lab, segment, "team0", "beyond");
        }
    }

    /// <summary>Gives another host a link on this LAN, up, without addresses.</summary>
    public void Attach(LabHost host, string link) => _segment!.Attach(host, link);

    /// <summary>Pulls the cables of the node, or puts them back.</summary>
    public void SetLink(bool on)
    {
        if (_segment is null)
        {
            _lab.Node.Ip($"link set {Master} {(on ? "up" : "down")}");
            return;
        }

        SetCarrier(1, on);
        if (Master == "team0")
        {
            SetCarrier(2, on);
        }
    }

    /// <summary>Pulls one cable of the node, or puts it back.</summary>
    public void SetCarrier(int port, bool on) => _segment!.SetCarrier(_lab.Node, on, port);

    public void Dispose()
    {
        foreach (string link in (string[])["team0", "br0", "red", "dummy0", Low, Low2])
        {
            _lab.Node.Run("ip", "link", "del", link);
        }

        _lab.Gateway.Run("ip", "link", "del", "beyond");
    }

    private static void AddVlan(LabHost host, string link)
    {
        host.Ip($"link add link {link} name {link}.100 type vlan id 100");
        host.BringUp($"{link}.100");
    }

    private static void Enslave(LabHost host, string master, params string[] links)
    {
        foreach (string link in links)
        {
            // A bond takes no link that is up.
            host.Ip($"link set {link} down");
            host.Ip($"link set {link} master {master}");
            host.BringUp(link);
        }

        host.BringUp(master);
    }

    private static void AddAddresses(LabHost host, string link, int number)
    {
        host.AddAddress(link, $"192.168.14.{number}/24");
        host.AddAddress(link, $"2001:db8:14::{number}/64");
    }
}
