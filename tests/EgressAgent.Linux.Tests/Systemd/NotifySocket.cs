using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Linux.Tests.Systemd;

/// <summary>A service manager's end of NOTIFY_SOCKET, which this process' C environment names while it lives.</summary>
internal sealed unsafe class NotifySocket : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"egress-notify-{Guid.NewGuid():N}");
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public NotifySocket()
    {
        _socket.Bind(new UnixDomainSocketEndPoint(_path));
        _ = NativeMethods.setenv("NOTIFY_SOCKET", _path, 1);
    }

    /// <summary>One notification: its text, and how many descriptors came with it.</summary>
    /// <remarks>Sending is synchronous, so what was sent is here; nothing is waited for.</remarks>
    public (string Text, int[] Descriptors) Receive()
    {
        const int MSG_DONTWAIT = 0x40;
        byte* text = stackalloc byte[4096];
        byte* control = stackalloc byte[256];
        var vector = new NativeMethods.IoVector { iov_base = text, iov_len = 4096 };
        var header = new NativeMethods.MessageHeader { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 256 };
        nint length = NativeMethods.recvmsg((int)_socket.Handle, &header, MSG_DONTWAIT);
        if (length < 0)
        {
            throw new LinuxException("receive notification", "", Errno.Last);
        }

        return (Encoding.UTF8.GetString(text, (int)length), ReadDescriptors(new ReadOnlySpan<byte>(control, (int)header.msg_controllen)));
    }

    public void Dispose()
    {
        _ = NativeMethods.unsetenv("NOTIFY_SOCKET");
        _socket.Dispose();
        File.Delete(_path);
    }

    // struct cmsghdr: its length with the header's 16 bytes, level, type, then the data; libsystemd adds SCM_CREDENTIALS (2).
    private static int[] ReadDescriptors(ReadOnlySpan<byte> control)
    {
        const int HeaderLength = 16;
        const int SCM_RIGHTS = 1;
        List<int> descriptors = [];
        while (control.Length >= HeaderLength)
        {
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(control);
            int type = BinaryPrimitives.ReadInt32LittleEndian(control[12..]);
            for (int i = HeaderLength; type == SCM_RIGHTS && i < length; i += sizeof(int))
            {
                descriptors.Add(BinaryPrimitives.ReadInt32LittleEndian(control[i..]));
            }

            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }

        return [.. descriptors];
    }
}
