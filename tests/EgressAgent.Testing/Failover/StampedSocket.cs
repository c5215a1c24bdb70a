using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Testing.Lab;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Failover;

/// <summary>What comes into a switch by any port, with the port and the kernel's time stamp (packet(7), SO_TIMESTAMPNS).</summary>
internal sealed unsafe class StampedSocket : IDisposable
{
    private const int SolSocket = 1;
    private const int SoReceiveBufferForce = 33;
    private const int SoTimestampNs = 35;
    private const int SolPacket = 263;
    private const int PacketStatistics = 6;
    private const int PacketIgnoreOutgoing = 23;
    private const int QueueBytes = 256 << 20;
    private const int AddressSize = 20;
    private const int ControlHeader = 16;

    private readonly Socket _socket;
    private readonly byte[] _frame = new byte[256];

    private StampedSocket(Socket socket) => _socket = socket;

    public void Dispose() => _socket.Dispose();

    internal static StampedSocket Open(LabSegment lan) => new(lan.OpenPacketSocket(socket =>
    {
        socket.SetRawSocketOption(SolSocket, SoReceiveBufferForce, BitConverter.GetBytes(QueueBytes));
        socket.SetRawSocketOption(SolSocket, SoTimestampNs, BitConverter.GetBytes(1));
        socket.SetRawSocketOption(SolPacket, PacketIgnoreOutgoing, BitConverter.GetBytes(1));
        socket.Bind(new LinkEndPoint(0));
    }));

    /// <summary>How many frames found no room since the last call.</summary>
    internal uint ReadDrops()
    {
        byte[] statistics = new byte[8];
        _socket.GetRawSocketOption(SolPacket, PacketStatistics, statistics);
        return BitConverter.ToUInt32(statistics, 4);
    }

    /// <summary>The beginning of the next frame; false when none is there.</summary>
    internal bool TryReceive(out ReadOnlySpan<byte> frame, out int port, out long nanoseconds)
    {
        frame = default;
        (port, nanoseconds) = (0, 0);
        byte* address = stackalloc byte[AddressSize];
        byte* control = stackalloc byte[64];
        nint length;
        fixed (byte* bytes = _frame)
        {
            LabLibC.IoVector vector = new() { iov_base = bytes, iov_len = (nuint)_frame.Length };
            LabLibC.MessageHeader header = new()
            {
                msg_name = address,
                msg_namelen = AddressSize,
                msg_iov = &vector,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = 64,
            };
            length = LabLibC.recvmsg((int)_socket.Handle, &header, LabLibC.MSG_DONTWAIT);
            if (length < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                return errno == (int)Errno.EAGAIN ? false : throw new Win32Exception(errno, "recvmsg");
            }
        }

        // struct sockaddr_ll has the index at 4; struct cmsghdr is followed by a struct timespec.
        port = *(int*)(address + 4);
        long* time = (long*)(control + ControlHeader);
        nanoseconds = (time[0] * 1_000_000_000) + time[1];
        frame = _frame.AsSpan(0, (int)length);
        return true;
    }

    private enum Errno
    {
        EAGAIN = 11,
    }
}
