using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

public sealed partial class LabHost
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Connects from this host, and from its address <paramref name="from"/> if one is given, and reads the line with which an
    /// <see cref="EchoServer"/> greets.
    /// </summary>
    public ProbeResult ProbeTcp(string address, int port, TimeSpan? timeout = null, string? from = null) =>
        Probe(SocketType.Stream, ProtocolType.Tcp, address, port, timeout, from);

    /// <summary>
    /// Sends one datagram from this host and waits for the answer, or for the ICMP error that comes instead; another one, if the kernel
    /// had no room for an error meanwhile (see <see cref="UnsentIcmp"/>).
    /// </summary>
    public ProbeResult ProbeUdp(string address, int port, TimeSpan? timeout = null, string? from = null) =>
        UnlessUnsent(() => Probe(SocketType.Dgram, ProtocolType.Udp, address, port, timeout, from));

    /// <summary>
    /// Opens a TCP connection from this host. Reads and writes give up after the probes' timeout, so a test that waits for what
    /// never comes fails instead of hanging.
    /// </summary>
    /// <exception cref="SocketException">It could not be opened.</exception>
    public Socket OpenTcp(string address, int port)
    {
        IPEndPoint remote = new(IPAddress.Parse(address), port);
        Socket socket = CreateSocket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            Connect(socket, remote, ProbeTimeout);
            return _lab.Own(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Sends one ICMP echo request from this host and waits for the reply, or for the ICMP error that comes instead; another one, if the
    /// kernel had no room for an error meanwhile (see <see cref="UnsentIcmp"/>).
    /// </summary>
    public ProbeResult Ping(string address, TimeSpan? timeout = null) => UnlessUnsent(() => Echo(address, timeout));

    private static ProbeResult UnlessUnsent(Func<ProbeResult> ask)
    {
        ProbeResult result = ask();
        while (result.Outcome == ProbeOutcome.TimedOut && UnsentIcmp.HasChanged())
        {
            result = ask();
        }

        return result;
    }

    private ProbeResult Echo(string address, TimeSpan? timeout)
    {
        // The kernel fills in the identifier and the checksum of a datagram ICMP socket.
        IPAddress target = IPAddress.Parse(address);
        bool isV6 = target.AddressFamily == AddressFamily.InterNetworkV6;
        byte[] echoRequest = [isV6 ? (byte)128 : (byte)8, 0, 0, 0, 0, 0, 0, 1, .. "ping"u8];
        byte echoReply = isV6 ? (byte)129 : (byte)0;
        Check("sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range");
        using Socket socket = CreateSocket(target.AddressFamily, SocketType.Dgram, isV6 ? ProtocolType.IcmpV6 : ProtocolType.Icmp);
        return Try(() =>
        {
            Connect(socket, new(target, 0), timeout ?? ProbeTimeout);
            socket.Send(echoRequest);
            byte[] reply = new byte[64];
            int length = socket.Receive(reply);
            return (length > 0 && reply[0] == echoReply ? ProbeOutcome.Answered : ProbeOutcome.Unreachable, null);
        });
    }

    /// <summary>Asks once, whatever the kernel had no room for.</summary>
    internal ProbeResult Probe(SocketType type, ProtocolType protocol, string address, int port, TimeSpan? timeout = null, string? from = null)
    {
        IPEndPoint remote = new(IPAddress.Parse(address), port);
        using Socket socket = CreateSocket(remote.AddressFamily, type, protocol, socket =>
        {
            if (from is not null)
            {
                socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            }
        });
        ProbeResult result = Try(() =>
        {
            Connect(socket, remote, timeout ?? ProbeTimeout);
            if (type == SocketType.Dgram)
            {
                socket.Send("who am I"u8);
            }

            byte[] answer = new byte[256];
            int length = socket.Receive(answer);
            return (length > 0 ? ProbeOutcome.Answered : ProbeOutcome.Closed, Encoding.ASCII.GetString(answer, 0, length).TrimEnd());
        });
        if (type == SocketType.Stream && result.Outcome == ProbeOutcome.Answered)
        {
            CloseInOrder(socket);
        }

        return result;
    }

    private static ProbeResult Try(Func<(ProbeOutcome Outcome, string? Answer)> exchange)
    {
        try
        {
            (ProbeOutcome outcome, string? answer) = exchange();
            return new ProbeResult(outcome, answer);
        }
        catch (SocketException e)
        {
            return new ProbeResult(OutcomeOf(e.SocketErrorCode), null);
        }
    }

    // No ConnectAsync: whoever waits for it needs another thread of the pool, and a busy pool grows by one each half second.
    private static void Connect(Socket socket, IPEndPoint remote, TimeSpan timeout)
    {
        socket.Blocking = false;
        try
        {
            socket.Connect(remote);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // An error may be told a moment before the socket can be written to.
            List<Socket> writable = [socket];
            List<Socket> failed = [socket];
            Socket.Select(null, writable, failed, timeout);
            SocketError outcome = writable.Count + failed.Count > 0
                ? (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!
                : SocketError.TimedOut;
            if (outcome != SocketError.Success)
            {
                throw new SocketException((int)outcome);
            }
        }

        socket.Blocking = true;
        socket.ReceiveTimeout = socket.SendTimeout = (int)timeout.TotalMilliseconds;
    }

    // A FIN that is still under way when the test's next step cuts the flow is sent again and again, past that step too.
    private static void CloseInOrder(Socket socket)
    {
        byte[] rest = new byte[256];
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            while (socket.Receive(rest) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // It was cut, or the peer keeps it open.
        }
    }

    private static ProbeOutcome OutcomeOf(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => ProbeOutcome.Refused,
        SocketError.ConnectionReset => ProbeOutcome.Reset,
        SocketError.TimedOut => ProbeOutcome.TimedOut,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => ProbeOutcome.Unreachable,

        // "Administratively prohibited" of IPv6.
        SocketError.AccessDenied => ProbeOutcome.Unreachable,
        _ => throw new SocketException((int)error),
    };
}
