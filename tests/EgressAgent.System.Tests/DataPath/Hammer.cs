using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>
/// Clients of the router <c>web</c> that hardly pause: packets of every kind to its inside addresses, packets that are routed past the
/// redirect, straight into its veth pair, with all kinds of sources, and connections that talk as long as they live.
/// </summary>
internal sealed class Hammer : IDisposable
{
    /// <summary>No rule ever names them.</summary>
    private static readonly IPAddress[] Forbidden =
        [.. ((string[])["203.0.113.200", "192.168.12.20", "192.168.12.1", "10.0.0.99", "192.168.13.1"]).Select(IPAddress.Parse)];

    private static readonly IPAddress[] Forbidden6 =
        [.. ((string[])["2001:db8:ff::200", "2001:db8:12::20", "2001:db8:12::1", "2001:db8:aa::99", "2001:db8:13::1"]).Select(IPAddress.Parse)];

    private const int Burst = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    // Where sending takes long, as on an emulated processor, the agent needs that processor too.
    private const int PausePerTime = 9;

    private readonly DataPathLab _lab;
    private readonly List<Thread> _threads = [];
    private volatile bool _stopping;
    private volatile Exception? _failure;

    /// <param name="lab">The lab; it may lose and regain the router and its agent at any time.</param>
    /// <param name="random">Where the packets come from.</param>
    internal Hammer(DataPathLab lab, Random random)
    {
        _lab = lab;
        int[] seeds = [random.Next(), random.Next()];
        Start(() => Strike(new Random(seeds[0])));
        Start(() => StrikePastTheRedirect(new Random(seeds[1])));
        Start(() => Talk(lab.Client, DataPathLab.Inside, 80));
        Start(() => Talk(lab.Node, DataPathLab.Inside, 8443));
        Start(() => Talk(lab.Overlapping, DataPathLab.Inside6, 86));
    }

    /// <exception cref="InvalidOperationException">One of the clients failed, so that the test was none.</exception>
    public void Dispose()
    {
        _stopping = true;
        _threads.ForEach(thread => thread.Join());
        if (_failure is { } failure)
        {
            throw new InvalidOperationException("A client failed.", failure);
        }
    }

    private void Start(Action action)
    {
        Thread thread = new(() => Run(action)) { Name = "hammer", IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    private void Run(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    // As clients do it: the node forwards to the inside address.
    private void Strike(Random random)
    {
        using FrameSender sender = _lab.Client.SendFrames("eth0");
        PhysicalAddress node = _lab.Node.MacOf("client");
        var source = (V4: IPAddress.Parse("10.88.0.2"), V6: IPAddress.Parse("fd88::2"));
        var inside = (V4: IPAddress.Parse(DataPathLab.Inside), V6: IPAddress.Parse(DataPathLab.Inside6));
        while (!_stopping)
        {
            long began = Stopwatch.GetTimestamp();
            for (int i = 0; i < Burst; i++)
            {
                bool isV6 = random.Next(2) == 0;
                sender.TrySend(AnyPacket(random, sender.Mac, node, isV6 ? source.V6 : source.V4, isV6 ? inside.V6 : inside.V4));
            }

            PauseAfter(began);
        }
    }

    // As a node does it that routes anything at all to the router: from the moment its link is there.
    private void StrikePastTheRedirect(Random random)
    {
        ObservedRouter router = new("web");

        // Not the reserved ones: while the router has another, the node would send the refusals on to where they seem to come from.
        string[] sources = ["10.88.0.2", "192.168.12.10", DataPathLab.Inside, "198.18.0.1", "127.0.0.1"];
        string[] sources6 = ["fd88::2", "2001:db8:12::10", DataPathLab.Inside6, "fd96:e9e5:a::1", "fe80::1"];
        IPAddress[] from = [.. sources.Select(IPAddress.Parse)];
        IPAddress[] from6 = [.. sources6.Select(IPAddress.Parse)];
        while (!_stopping)
        {
            FrameSender sender;
            PhysicalAddress mac;
            try
            {
                mac = PhysicalAddress.Parse(router.Ip("-oneline link show dev eth0").Split("link/ether ")[1].Split(' ')[0]);
                sender = _lab.Node.SendFrames("egress.default.web");
            }
            catch (Exception e) when (e is InvalidOperationException or SocketException)
            {
                // The router is away.
                Thread.Sleep(Pause);
                continue;
            }

            using (sender)
            {
                for (bool isThere = true; isThere && !_stopping;)
                {
                    long began = Stopwatch.GetTimestamp();
                    for (int i = 0; i < Burst; i++)
                    {
                        bool isV6 = random.Next(2) == 0;
                        IPAddress[] targets = isV6 ? Forbidden6 : Forbidden;
                        IPAddress source = random.GetItems(isV6 ? from6 : from, 1)[0];
                        isThere = sender.TrySend(AnyPacket(random, sender.Mac, mac, source, targets[random.Next(targets.Length)]));
                    }

                    PauseAfter(began);
                }
            }
        }
    }

    private static void PauseAfter(long began)
    {
        TimeSpan pause = PausePerTime * Stopwatch.GetElapsedTime(began);
        Thread.Sleep(pause > Pause ? pause : Pause);
    }

    private static byte[] AnyPacket(Random random, PhysicalAddress from, PhysicalAddress to, IPAddress source, IPAddress destination)
    {
        const byte Ack = 0x10;
        int sourcePort = random.Next(1024, 65536);
        int port = random.GetItems([80, 86, 443, 8443, random.Next(1, 65536)], 1)[0];
        return random.Next(4) switch
        {
            0 => Frame.Tcp(from, to, source, sourcePort, destination, port),
            1 => Frame.Tcp(from, to, source, sourcePort, destination, port, Ack),
            2 => Frame.Udp(from, to, source, sourcePort, destination, port),
            _ => Frame.Ping(from, to, source, destination),
        };
    }

    // Connections that are cut are made anew, wherever they lead by then.
    private void Talk(LabHost client, string address, int port)
    {
        IPEndPoint remote = new(IPAddress.Parse(address), port);
        byte[] buffer = new byte[256];
        while (!_stopping)
        {
            using Socket socket = client.CreateSocket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            using CancellationTokenSource patience = new(TimeSpan.FromMilliseconds(300));
            socket.ReceiveTimeout = socket.SendTimeout = 300;
            try
            {
                socket.ConnectAsync(remote, patience.Token).AsTask().GetAwaiter().GetResult();
                while (!_stopping && socket.Receive(buffer) > 0)
                {
                    long began = Stopwatch.GetTimestamp();
                    socket.Send(Encoding.ASCII.GetBytes("as long as it lives"));
                    PauseAfter(began);
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                Thread.Sleep(Pause);
            }
        }
    }
}
