using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>A LAN: every host attached to it sees every other.</summary>
public sealed class LabSegment
{
    private readonly LabHost _bridgeHost;

    internal LabSegment(LabHost bridgeHost) => _bridgeHost = bridgeHost;

    /// <summary>Gives <paramref name="host"/> a link on this LAN, up, with <paramref name="addresses"/> in CIDR form.</summary>
    public void Attach(LabHost host, string link, params IReadOnlyList<string> addresses)
    {
        Attach(host, link, port: 1);
        foreach (string address in addresses)
        {
            host.AddAddress(link, address);
        }
    }

    /// <summary>Gives <paramref name="host"/> a link on this LAN, up, without addresses, by one of several cables.</summary>
    public void Attach(LabHost host, string link, int port, string? index = null)
    {
        host.Ip($"link add {link} {(index is null ? "" : $"index {index} ")}type veth peer name {PortOf(host, port)} netns {_bridgeHost.Namespace}");
        _bridgeHost.Ip($"link set {PortOf(host, port)} master bridge up");
        host.BringUp(link);
    }

    /// <summary>Pulls <paramref name="host"/>'s cable, or puts it back: its link loses or regains carrier.</summary>
    public void SetCarrier(LabHost host, bool on, int port = 1) => _bridgeHost.Ip($"link set {PortOf(host, port)} {(on ? "up" : "down")}");

    /// <summary>Takes <paramref name="host"/>'s link to this LAN away, at both ends.</summary>
    public void Detach(LabHost host) => _bridgeHost.Ip($"link delete {PortOf(host)}");

    /// <summary>The index of the switch's port that <paramref name="host"/> is plugged into.</summary>
    internal int PortIndexOf(LabHost host) => _bridgeHost.LinkIndex(PortOf(host));

    /// <summary>A socket that may have what crosses the switch.</summary>
    internal Socket OpenPacketSocket(Action<Socket> setUp) => _bridgeHost.CreateSocket(AddressFamily.Packet, SocketType.Raw, 0, setUp);

    /// <summary>As <see cref="SetCarrier"/> off and on, one right after the other.</summary>
    public void InterruptCarrier(LabHost host) => _bridgeHost.IpBatch($"link set {PortOf(host)} down", $"link set {PortOf(host)} up");

    /// <summary>Sets the MTU of the switch's port that <paramref name="host"/> is plugged into; it drops what is larger.</summary>
    public void SetMtu(LabHost host, int mtu) => _bridgeHost.Ip($"link set {PortOf(host)} mtu {mtu}");

    /// <summary>Lets the switch send back to <paramref name="host"/>'s port what came from it (802.1Qbg reflective relay), or not.</summary>
    public void Reflect(LabHost host, bool on) => _bridgeHost.Ip($"link set {PortOf(host)} type bridge_slave hairpin {(on ? "on" : "off")}");

    /// <summary>Records, from now on, every frame that <paramref name="host"/> sends to this LAN.</summary>
    public PacketCapture CaptureFrom(LabHost host) => _bridgeHost.CaptureIncoming(PortOf(host));

    /// <summary>Records, from now on, every frame between <paramref name="host"/> and this LAN, in both directions.</summary>
    public PacketCapture Capture(LabHost host) => _bridgeHost.Capture(PortOf(host));

    // An interface name holds 15 characters.
    private static string PortOf(LabHost host, int port = 1) => $"p{(port == 1 ? "" : port)}-" + host.Name[..Math.Min(host.Name.Length, 12)];
}
