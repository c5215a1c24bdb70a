using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Daemon.Metrics;
using EgressAgent.Engine;
using EgressAgent.Model;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Metrics;

/// <summary>The server as clients meet it, slow and wrong ones included.</summary>
public sealed class MetricsServerTests : IDisposable
{
    private const string Request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private readonly MetricsLab _lab = new();
    private readonly IPEndPoint _endpoint = FreePort();

    [Fact]
    public async Task Get_and_Head_are_answered_as_the_client_likes_it()
    {
        await using MetricsServer server = Start();

        string plain = Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ", plain);
        string[] parts = plain.Split("\r\n\r\n");
        Assert.Contains($"Content-Length: {parts[1].Length}\r\nConnection: close", parts[0]);
        Assert.StartsWith("# HELP egress_router_info ", parts[1]);

        string open = Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\n\r\n");
        Assert.Contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n", open);
        Assert.EndsWith("\n# EOF\n", open);

        string head = Ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.EndsWith("\r\n\r\n", head);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found")]
    [InlineData("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed\r\n")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: rebound.example.com\r\n\r\n", "403 Forbidden")]
    [InlineData("hello\r\n\r\n", "400 Bad Request")]
    public async Task Others_are_told_why_not(string request, string status)
    {
        await using MetricsServer server = Start();

        Assert.StartsWith($"HTTP/1.1 {status}", Ask(request));
    }

    [Fact]
    public async Task Head_without_an_end_is_refused()
    {
        await using MetricsServer server = Start();

        Assert.StartsWith("HTTP/1.1 431 ", Ask($"GET /metrics HTTP/1.1\r\nX-Long: {new string('a', 9000)}"));
    }

    [Fact]
    public async Task Clients_that_say_nothing_are_cut_and_who_waits_behind_them_is_served()
    {
        await using MetricsServer server = Start();
        Socket[] silent = [.. Enumerable.Range(0, 8).Select(_ => Connect())];

        // One byte now and then does not buy more time.
        foreach (Socket socket in silent)
        {
            socket.Send("G"u8);
        }

        using Socket ninth = Connect();
        ninth.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        Assert.StartsWith("HTTP/1.1 200 OK", ReadToEnd(ninth));

        // Only when one of the eight had been cut: long before the others. .NET closes a socket when the last operation lets go of it.
        List<Socket> cut = [.. silent];
        Socket.Select(cut, null, null, TimeSpan.FromMilliseconds(250));
        Assert.NotEmpty(cut);
        foreach (Socket socket in silent)
        {
            socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
            Assert.Equal(0, Receive(socket));
            socket.Dispose();
        }
    }

    [Fact]
    public async Task Clients_that_do_not_read_are_cut_and_who_waits_behind_them_is_served()
    {
        // More than the two sides keep for a client that takes little at a time.
        string[] files = [.. Enumerable.Range(0, 2000).Select(i => $"/etc/egress-router/{new string('a', 200)}{i}.yaml")];
        _lab.Apply([.. files.Select(file => new RouterFile(file, [], [new Diagnostic(new SourceLocation(file, 1, 1), "", "wrong")], IsComplete: true))]);
        await using MetricsServer server = Start();
        int whole = Ask(Request).Length;
        Socket[] deaf = [.. Enumerable.Range(0, 8).Select(_ => ConnectSmall())];
        foreach (Socket socket in deaf)
        {
            socket.Send(Encoding.ASCII.GetBytes(Request));
        }

        Assert.Equal(whole, Ask(Request).Length);

        // Whoever was not cut yet gets all of it.
        Assert.Contains(deaf, socket => ReadToEnd(socket).Length < whole);
        foreach (Socket socket in deaf)
        {
            socket.Dispose();
        }
    }

    [Fact]
    public async Task Client_that_never_closes_is_cut()
    {
        await using MetricsServer server = Start();
        using Socket socket = Connect();
        socket.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);

        // It never closes its side; the server does.
        Assert.StartsWith("HTTP/1.1 200 OK", ReadToEnd(socket));
        Eventually.True("the end of the connection", () =>
        {
            try
            {
                return socket.Send("x"u8) == 0;
            }
            catch (SocketException)
            {
                return true;
            }
        });
    }

    [Fact]
    public async Task Address_that_another_one_has_is_told_and_taken_when_it_is_free()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(_endpoint);
        other.Listen();
        await using MetricsServer server = new(_endpoint, _lab.Metrics, _lab.Log);
        Eventually.True("the warning", () => _lab.Log.Of(EventIds.MetricsNotShown).Count == 1);
        Assert.Equal($"metrics cannot be served at {_endpoint}: Address already in use; it is tried again every 5 s", _lab.Log.Of(EventIds.MetricsNotShown)[0]);

        other.Dispose();

        Eventually.True("the end", () => _lab.Log.Of(EventIds.MetricsNotShown).Count == 2);
        Assert.StartsWith("HTTP/1.1 200 OK", Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }

    [Fact]
    public async Task Another_server_takes_the_address_over_at_once()
    {
        for (int i = 0; i < 2; i++)
        {
            await using MetricsServer server = Start();
            using Socket open = Connect();
            Assert.StartsWith("HTTP/1.1 200 OK", Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        }

        Assert.All(_lab.Log.Of(EventIds.MetricsNotShown), text => Assert.StartsWith("metrics are served at ", text));
    }

    public void Dispose() => _lab.Dispose();

    private static IPEndPoint FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    private MetricsServer Start()
    {
        int served = Served;
        MetricsServer server = new(_endpoint, _lab.Metrics, _lab.Log);
        Eventually.True("the server", () => Served > served);
        return server;
    }

    private int Served => _lab.Log.Of(EventIds.MetricsNotShown).Count(text => text == $"metrics are served at http://{_endpoint}/metrics");

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_endpoint);
        return socket;
    }

    // Its buffer and its segments (TCP_MAXSEG) are small, and with them the buffer of the server.
    private Socket ConnectSmall()
    {
        const int TcpMaxSegment = 2;
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, TcpMaxSegment, BitConverter.GetBytes(536));
        socket.Connect(_endpoint);
        return socket;
    }

    private string Ask(string request)
    {
        using Socket socket = Connect();
        socket.Send(Encoding.Latin1.GetBytes(request));
        return ReadToEnd(socket);
    }

    private static string ReadToEnd(Socket socket)
    {
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        while (socket.Receive(buffer) is > 0 and int length)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, length));
        }

        return text.ToString();
    }

    private static int Receive(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[1]);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }
}
