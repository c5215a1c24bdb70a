using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>A relay in a lab; when a test ends, no thread of the process may be left in another network namespace.</summary>
[Collection(nameof(RelayTests))]
public abstract class RelayTestBase(RelayLab.Fixture fixture) : IDisposable
{
    private readonly List<IDisposable> _open = [];
    private RelayLoopGroup? _group;
    private RouterRelay? _relay;

    protected RelayLab Lab { get; } = fixture.Lab;

    private protected RouterRelay Relay => _relay ??= Start(RelayOptions.Default);

    private protected RouterRelay Start(RelayOptions options, int threads = 2, KeptSockets? kept = null)
    {
        _group = new RelayLoopGroup(threads);
        return _relay = new RouterRelay(_group, Lab.Router.Run, options, kept);
    }

    /// <summary>Applies a plan.</summary>
    /// <returns>What of it is not served.</returns>
    private protected ValueList<PlanProblem> Apply(RedirectPlan plan)
    {
        Relay.Apply(plan);
        return Relay.Shortfalls;
    }

    private protected T Keep<T>(T disposable)
        where T : IDisposable
    {
        _open.Add(disposable);
        return disposable;
    }

    /// <summary>A plan with one rule for a port, and its two ends connected through it.</summary>
    private protected (Socket Client, Socket Server) ConnectPair(ushort port = 8080, RedirectPlan? others = null)
    {
        Socket listener = Keep(Lab.Listen());
        RedirectPlan plan = others ?? RelayLab.Plan();
        Assert.Empty(Apply(plan with { Rules = [.. plan.Rules, RelayLab.Tcp(port, (IPEndPoint)listener.LocalEndPoint!)] }));
        Socket client = Keep(Lab.Connect(port));
        Socket server = Keep(listener.Accept());
        server.ReceiveTimeout = 10_000;
        server.SendTimeout = 10_000;
        return (client, server);
    }

    private protected static void Echo(Socket from, Socket to, byte[] payload)
    {
        from.Send(payload);
        byte[] received = new byte[payload.Length];
        ReadExactly(to, received);
        Assert.Equal(payload, received);
    }

    private protected static void ReadExactly(Socket socket, byte[] buffer)
    {
        for (int count = 0; count < buffer.Length;)
        {
            int got = socket.Receive(buffer, count, buffer.Length - count, SocketFlags.None);
            Assert.NotEqual(0, got);
            count += got;
        }
    }

    private protected static void AssertReset(Socket socket)
    {
        var exception = Assert.Throws<SocketException>(() => socket.Receive(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
    }

    public void Dispose()
    {
        _relay?.Dispose();
        _group?.Dispose();
        _open.ForEach(disposable => disposable.Dispose());
        Assert.Empty(ThreadNamespaces.Strays());
    }
}
