using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// A TCP connection and an association of UDP to partners that go on sending, which are to be cut, and two to the same partners which are to
/// live on.
/// </summary>
public sealed class CutFlows : IDisposable
{
    /// <summary>Where the partners take both: 203.0.113.26 connections, 10.0.0.99 datagrams.</summary>
    public const int PartnerPort = 90;

    private readonly SendingPartner _tcp;
    private readonly SendingPartner _udp;
    private readonly Flow _cutTcp;
    private readonly Flow _cutUdp;
    private readonly Flow _livingTcp;
    private readonly Flow _livingUdp;

    /// <param name="lab">Where the partners are.</param>
    /// <param name="cut">Which flows are to be cut.</param>
    /// <param name="living">Which are to live on.</param>
    public CutFlows(EgressLab lab, Way cut, Way living)
    {
        _tcp = lab.Own(new SendingPartner(lab.Web, "203.0.113.26", PartnerPort, ProtocolType.Tcp));
        _udp = lab.Own(new SendingPartner(lab.Mainframe, "10.0.0.99", PartnerPort, ProtocolType.Udp));
        _cutTcp = Connect(_tcp, cut, cut.TcpPort);
        _cutUdp = Connect(_udp, cut, cut.UdpPort);
        _livingTcp = Connect(_tcp, living, living.TcpPort);
        _livingUdp = Connect(_udp, living, living.UdpPort);
    }

    /// <summary>The client's ports of the flows that are to be cut: of TCP, and of UDP.</summary>
    public IReadOnlyList<int> CutPorts => [PortOf(_cutTcp), PortOf(_cutUdp)];

    /// <summary>Waits until the partners were told the end of what is cut, and sees that the other flows live.</summary>
    public void WaitForEnd()
    {
        Eventually.True("the end of the connection at the partner", () => _cutTcp.AtPartner.HasEnded);
        Eventually.True("the end of the association at the partner", () => _cutUdp.AtPartner.HasEnded);
        _livingTcp.Client.Send("more"u8);
        _livingUdp.Client.Send("more"u8);
        _livingTcp.AtPartner.WaitForMore();
        _livingUdp.AtPartner.WaitForMore();
    }

    public void Dispose()
    {
        foreach (Flow flow in (Flow[])[_cutTcp, _cutUdp, _livingTcp, _livingUdp])
        {
            flow.Client.Dispose();
        }

        _tcp.Dispose();
        _udp.Dispose();
    }

    private static Flow Connect(SendingPartner partner, Way way, int port) =>
        new(partner.Connect(way.Client, way.Address, port, out SendingPartner.Peer peer), peer);

    private static int PortOf(Flow flow) => ((IPEndPoint)flow.Client.LocalEndPoint!).Port;

    /// <summary>How a client reaches the partners.</summary>
    public sealed record Way(LabHost Client, string Address, int TcpPort, int UdpPort);

    private sealed record Flow(Socket Client, SendingPartner.Peer AtPartner);
}
