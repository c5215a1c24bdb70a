using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>What a relayed connection costs in system calls. Waiting is left out: how much it takes depends on the machine.</summary>
public sealed class RelaySystemCallTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private const int Port = 8080;

    // With so many before them, as many follow for which sockets are made at one visit of the network namespace.
    private const int Before = 31;
    private const int Counted = 16;

    private const string Traced = "%network,epoll_ctl,setns,close,read,write,pipe2,splice,fcntl";

    // TCP_CORK, tcp(7).
    private const SocketOptionName TcpCork = (SocketOptionName)3;

    // As a web server's with "Connection: close": a request, an answer with the FIN in the same segment, and the client's FIN.
    private static readonly string[] OfEach =
    [
        "accept4", "getsockname", "socket", "setsockopt", "setsockopt", "bind", "connect", "epoll_ctl", "epoll_ctl",
        "recvfrom", "sendto", "recvfrom", "sendto", "shutdown", "recvfrom", "close", "close",
    ];

    [Fact]
    public void Short_connection_costs_seventeen()
    {
        Socket listener = Keep(Lab.Listen());
        using RouterRelay relay = StartWithoutTicks();
        relay.Apply(RelayLab.Plan(RelayLab.Tcp(Port, (IPEndPoint)listener.LocalEndPoint!)));
        Connect(Before);

        IReadOnlyList<string> calls = SystemCalls.OfThread("relay-0", Traced, () => Connect(Counted));

        // Where what is read and what follows it come one after the other, it takes one more read, or none.
        const string Read = "recvfrom";
        IEnumerable<string> expected = [.. Enumerable.Repeat(OfEach, Counted).SelectMany(each => each), "setns", "setns"];
        Assert.InRange(calls.Count(call => call == Read), 3 * Counted, 4 * Counted);
        Assert.Equal(Sum(expected.Where(call => call != Read)), Sum(calls.Where(call => call != Read)));

        void Connect(int count)
        {
            for (int connection = 0; connection < count; connection++)
            {
                Exchange(listener);
                Eventually.True("the connection ends", () => relay.ConnectionCount == 0);
            }
        }
    }

    [Fact]
    public void Destination_gets_the_second_message_without_delay_and_no_message_costs_more_than_two_after_that()
    {
        Socket listener = Keep(Lab.Listen());
        using RouterRelay relay = StartWithoutTicks();
        relay.Apply(RelayLab.Plan(RelayLab.Tcp(Port, (IPEndPoint)listener.LocalEndPoint!)));
        using Socket client = Lab.Connect(Port);
        using Socket server = listener.Accept();
        server.ReceiveTimeout = 10_000;
        Echo(client, server, [1]);

        IReadOnlyList<string> calls = SystemCalls.OfThread("relay-0", Traced, () =>
        {
            Echo(client, server, [2]);
            Echo(client, server, [3]);
            Echo(server, client, [4]);
        });

        // TCP_NODELAY, which the client's side has from its listener.
        Assert.Equal(["recvfrom", "setsockopt", "sendto", "recvfrom", "sendto", "recvfrom", "sendto"], calls);
    }

    // However slow this is, the relay finds what it left as it was.
    private RouterRelay StartWithoutTicks() => new(Keep(new RelayLoopGroup(1, new FakeTimeProvider())), Lab.Router.Run);

    private void Exchange(Socket listener)
    {
        using Socket client = Lab.Connect(Port);
        using Socket server = listener.Accept();
        client.Send("request"u8);
        server.ReceiveTimeout = 10_000;
        ReadExactly(server, new byte["request".Length]);
        server.SetSocketOption(SocketOptionLevel.Tcp, TcpCork, true);
        server.Send("answer"u8);
        server.Shutdown(SocketShutdown.Send);
        ReadExactly(client, new byte["answer".Length]);
        Assert.Equal(0, client.Receive(new byte[1]));
    }

    private static IEnumerable<string> Sum(IEnumerable<string> calls) =>
        calls.CountBy(call => call).OrderBy(call => call.Key, StringComparer.Ordinal).Select(call => $"{call.Key} {call.Value}");
}
