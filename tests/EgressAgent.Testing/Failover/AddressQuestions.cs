using System.Buffers.Binary;
using System.Net;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>Asks by ARP for an address, to everybody, every 20 ms.</summary>
internal sealed class AddressQuestions : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly FrameSender _frames;
    private readonly Timer _timer;

    private AddressQuestions(FrameSender frames, byte[] question)
    {
        _frames = frames;
        _timer = new Timer(_ => _frames.TrySend(question), null, TimeSpan.Zero, Interval);
    }

    public void Dispose()
    {
        using ManualResetEvent stopped = new(false);
        _timer.Dispose(stopped);
        stopped.WaitOne();
        _frames.Dispose();
    }

    internal static AddressQuestions Start(LabHost host, string own, string address)
    {
        FrameSender frames = host.SendFrames("eth0");
        byte[] mac = frames.Mac.GetAddressBytes();
        byte[] packet = [.. Enumerable.Repeat((byte)0xff, 6), .. mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, .. mac, .. Octets(own), 0, 0, 0, 0, 0, 0, .. Octets(address)];
        byte[] frame = new byte[60];
        packet.CopyTo(frame, 0);
        return new AddressQuestions(frames, frame);
    }

    private static byte[] Octets(string address)
    {
        byte[] octets = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(octets, BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(address).GetAddressBytes()));
        return octets;
    }
}
