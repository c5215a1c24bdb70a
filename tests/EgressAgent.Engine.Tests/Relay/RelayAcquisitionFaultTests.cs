using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>
/// Whatever the kernel refuses a relay once, in the middle of whatever: it is told, it is over without a restart, and nothing stays open.
/// </summary>
public sealed class RelayAcquisitionFaultTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private const int FallbackPort = 7000;
    private const int RulePort = 8080;

    private static readonly byte[] Hello = "hello"u8.ToArray();
    private static readonly Errno[] Refusals = [Errno.EMFILE, Errno.ENOMEM, Errno.ENOBUFS, Errno.ENOSPC];

    [Fact]
    public void Relay_serves_after_any_one_refusal_and_leaves_nothing_open()
    {
        (Socket Tcp, Socket Udp)[] servers = [Serve(RelayLab.ServerAddress), Serve(RelayLab.ServerAddress6)];
        bool isAll = Environment.GetEnvironmentVariable("EGRESS_FAULTS") == "all";
        int offset = Random.Shared.Next(12);
        int calls = Attempt(int.MaxValue, Refusals[0], servers, []);
        int descriptors = Descriptors();
        HashSet<string> told = [];
        for (int nth = 1; nth <= calls; nth++)
        {
            foreach (Errno errno in isAll ? Refusals : (nth + offset) % 3 == 0 ? [Refusals[(nth + offset) / 3 % Refusals.Length]] : [])
            {
                try
                {
                    HashSet<string> toldNow = [];
                    Attempt(nth, errno, servers, toldNow);
                    Assert.True(toldNow.Count > 0 || !SystemCallFaults.HasRefusedEpollOrBpf, "nothing was told");
                    Assert.InRange(Descriptors(), 0, descriptors);
                    told.UnionWith(toldNow);
                }
                catch (Exception exception)
                {
                    throw new InvalidOperationException($"{errno} for call {nth} of {calls}", exception);
                }
            }
        }

        Assert.InRange(calls, 60, 400);
        Assert.InRange(told.Count, 10, 400);
    }

    // Built with a refusal, the passes after it, clients by each protocol and family, closed. All of it while the filter is answered, as the
    // loops' threads are begun under it; the clients' is not.
    private int Attempt(int nth, Errno errno, (Socket Tcp, Socket Udp)[] servers, HashSet<string> told)
    {
        using var built = new SemaphoreSlim(0);
        using var left = new SemaphoreSlim(0);
        bool isBuilt = false;
        Exception? failure = null;
        var clients = new Thread(() =>
        {
            built.Wait();
            failure = isBuilt ? Record.Exception(() => Talk(servers)) : null;
            left.Release();
        });
        clients.Start();
        int calls = SystemCallFaults.Run(nth, errno, () =>
        {
            try
            {
                using RelayLoopGroup group = Twice(() => new RelayLoopGroup(2), told);
                using var relay = new RouterRelay(group, Lab.Router.Run);
                Twice(() => relay.Apply(PlanFor()), told);
                told.UnionWith(relay.Shortfalls.Select(shortfall => shortfall.Message));
                Assert.Equal(relay.Shortfalls.Count > 0, relay.Retry());
                Assert.Empty(relay.Shortfalls);
                isBuilt = true;
                built.Release();
                left.Wait();
                told.UnionWith(relay.Saturation.Texts);
            }
            finally
            {
                built.Release();
            }
        });
        clients.Join();
        return failure is null ? calls : throw failure;
    }

    private static T Twice<T>(Func<T> action, HashSet<string> told)
    {
        try
        {
            return action();
        }
        catch (LinuxException refusal)
        {
            told.Add(refusal.Message);
            return action();
        }
    }

    private static RedirectPlan PlanFor()
    {
        IPEndPoint[] destinations = [new(RelayLab.ServerAddress, FallbackPort), new(RelayLab.ServerAddress6, FallbackPort)];
        return RelayLab.PlanWithFallback(
            [.. destinations.SelectMany(to => new[] { RelayLab.Tcp(RulePort, to), RelayLab.Udp(RulePort, to) })]);
    }

    private (Socket Tcp, Socket Udp) Serve(IPAddress address)
    {
        Socket udp = Keep(RelayLab.UdpSocket(Lab.Server, address));
        udp.Bind(new IPEndPoint(address, FallbackPort));
        return (Keep(Lab.Listen(address, FallbackPort)), udp);
    }

    private void Talk((Socket Tcp, Socket Udp)[] servers)
    {
        AtLeastTheSecond(() => Connects(RulePort, RelayLab.Inside, servers[0].Tcp, Fill));
        foreach (int port in (int[])[RulePort, FallbackPort])
        {
            // That call may be refused which a flow needs: it is lost, and the next one is not.
            AtLeastTheSecond(() => Connects(port, RelayLab.Inside, servers[0].Tcp, Greet));
            AtLeastTheSecond(() => Connects(port, RelayLab.Inside6, servers[1].Tcp, Greet));
            AtLeastTheSecond(() => IsAnswered(port, RelayLab.Inside, servers[0].Udp));
            AtLeastTheSecond(() => IsAnswered(port, RelayLab.Inside6, servers[1].Udp));
        }
    }

    private static void AtLeastTheSecond(Func<bool> attempt) => Assert.True(attempt() || attempt());

    private bool Connects(int port, IPAddress inside, Socket listener, Action<Socket, Socket> exchange)
    {
        using Socket client = Lab.Connect(port, inside);
        List<Socket> heard = [client, listener];
        Socket.Select(heard, null, null, TimeSpan.FromSeconds(5));
        if (!heard.Contains(listener))
        {
            return false;
        }

        using Socket server = listener.Accept();
        server.ReceiveTimeout = 5000;
        try
        {
            exchange(client, server);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void Greet(Socket client, Socket server)
    {
        Echo(client, server, Hello);
        Echo(server, client, Hello);
    }

    // What the server does not take waits in one of the loop's pipes.
    private static void Fill(Socket client, Socket server)
    {
        byte[] chunk = new byte[1 << 16];
        int sent = 0;
        client.Blocking = false;
        while (client.Poll(TimeSpan.FromMilliseconds(30), SelectMode.SelectWrite))
        {
            sent += client.Send(chunk);
        }

        client.Shutdown(SocketShutdown.Send);
        for (int got; (got = server.Receive(chunk)) > 0; sent -= got)
        {
        }

        Assert.Equal(0, sent);
    }

    private bool IsAnswered(int port, IPAddress inside, Socket server)
    {
        using Socket client = RelayLab.UdpSocket(Lab.Client, inside);
        client.Connect(inside, port);
        client.Send(Hello);
        if (!server.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectRead))
        {
            return false;
        }

        EndPoint relay = new IPEndPoint(inside, 0);
        int count = server.ReceiveFrom(new byte[Hello.Length], ref relay);
        server.SendTo(Hello, relay);
        return client.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectRead) && client.Receive(new byte[Hello.Length]) == count;
    }

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd")
        .Select(path => new FileInfo(path).LinkTarget ?? "")
        .Count(target => target.StartsWith("socket:") || target.StartsWith("anon_inode:") || target.StartsWith("net:")
            || target.StartsWith("pipe:") || target.StartsWith("/proc/"));
}
