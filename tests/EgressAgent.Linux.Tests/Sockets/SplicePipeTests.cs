using System.Net;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Tests.Sockets;

public sealed unsafe class SplicePipeTests
{
    [Fact]
    public void Pipe_moves_bytes_from_one_socket_to_another()
    {
        (int first, int firstPeer) = ConnectedPair();
        (int second, int secondPeer) = ConnectedPair();
        using SplicePipe pipe = SplicePipe.TryCreate(1 << 20, out Errno error)!;
        Assert.True(error.IsSuccess);
        Assert.True(pipe.Fill(first, 100).WouldBlock);

        byte* sent = stackalloc byte[] { 1, 2, 3 };
        Assert.Equal(3, NativeSocket.Send(firstPeer, sent, 3).Value);
        Assert.Equal(3, pipe.Fill(first, 100).Value);
        Assert.Equal(3, pipe.Empty(second, 3).Value);
        byte* received = stackalloc byte[3];
        Assert.Equal(3, NativeSocket.Receive(secondPeer, received, 3).Value);
        Assert.Equal<byte[]>([1, 2, 3], new ReadOnlySpan<byte>(received, 3).ToArray());

        NativeSocket.Close(firstPeer);
        Assert.Equal(0, pipe.Fill(first, 100).Value);
        NativeSocket.Reset(secondPeer);
        Assert.Equal(Errno.ECONNRESET, NativeSocket.Receive(second, received, 1).Errno);
        NativeSocket.Close(first);
        NativeSocket.Close(second);
    }

    // Over loopback, where a handshake is complete when connect(2) returns.
    private static (int, int) ConnectedPair()
    {
        var any = new SocketEndpoint(IPAddress.Loopback, 0);
        int listener = NativeSocket.OpenTcp(any).Value;
        Assert.True(NativeSocket.Bind(listener, any).IsSuccess);
        Assert.True(NativeSocket.Listen(listener, 1).IsSuccess);
        int client = NativeSocket.OpenTcp(any).Value;
        _ = NativeSocket.Connect(client, NativeSocket.LocalEndpoint(listener));
        IoResult accepted;
        do
        {
            accepted = NativeSocket.Accept(listener, out _);
        }
        while (accepted.WouldBlock);
        NativeSocket.Close(listener);
        return (accepted.Value, client);
    }
}
