using System.Diagnostics;
using System.Net;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>What a sender of datagrams sends.</summary>
/// <param name="Size">Bytes of payload in each.</param>
/// <param name="IsJoined">By sendmsg(2) and UDP_SEGMENT, as QUIC servers do, instead of sendmmsg(2).</param>
/// <param name="Seconds">For how long.</param>
internal readonly record struct UdpLoad(int Size, bool IsJoined, int Seconds)
{
    private const int Burst = 32;

    internal static UdpLoad Parse(ReadOnlySpan<string> words) =>
        new(int.Parse(words[0]), words[1] == "joined", int.Parse(words[2]));

    internal string[] Words => [Size.ToString(), IsJoined ? "joined" : "plain", Seconds.ToString()];

    internal void Send(int socket, in SocketEndpoint destination)
    {
        using var batch = new DatagramBatch(Burst);
        Fill(batch);
        long ends = Stopwatch.GetTimestamp() + (Seconds * Stopwatch.Frequency);
        int limit = IsJoined ? DatagramBatch.JoinAll : DatagramBatch.JoinNone;
        while (Stopwatch.GetTimestamp() < ends)
        {
            var burst = new DatagramRange(0, Burst);
            IoResult sent;
            do
            {
                sent = batch.Forward(socket, ref burst, ref limit, destination);
            }
            while (!sent.IsError && !burst.IsEmpty);
        }

        if (IsJoined && limit != DatagramBatch.JoinAll)
        {
            throw new InvalidOperationException("the kernel does not take joined datagrams");
        }
    }

    // What is sent again and again comes from a socket that sent it to itself.
    private unsafe void Fill(DatagramBatch batch)
    {
        int socket = NativeSocket.OpenUdp(new SocketEndpoint(IPAddress.Loopback, 0)).Value;
        _ = NativeSocket.Bind(socket, new SocketEndpoint(IPAddress.Loopback, 0));
        _ = NativeSocket.Connect(socket, NativeSocket.LocalEndpoint(socket));
        byte* payload = stackalloc byte[Size];
        for (int index = 0; index < Burst; index++)
        {
            _ = NativeSocket.Send(socket, payload, Size);
        }

        int count = batch.Receive(socket).Value;
        NativeSocket.Close(socket);
        if (count != Burst)
        {
            throw new InvalidOperationException($"{count} of {Burst} datagrams over loopback");
        }
    }
}
