using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Lab;

/// <summary>The service manager's end of <c>NOTIFY_SOCKET</c> (sd_notify(3)): hears all that the agent says, as systemd does.</summary>
internal sealed class NotifySocket : IDisposable
{
    private const int PollMicroseconds = 50_000;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly KeptDescriptors? _kept;
    private readonly Thread _thread;
    private volatile bool _ready;
    private volatile bool _stopping;
    private volatile string _status = "";
    private volatile int _beats;

    /// <param name="path">Where it listens.</param>
    /// <param name="kept">Takes the descriptors that the agent wants kept; null where none are.</param>
    internal NotifySocket(string path, KeptDescriptors? kept)
    {
        File.Delete(path);
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        _kept = kept;
        _thread = new Thread(Receive) { Name = "notify-socket", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether READY=1 was heard.</summary>
    internal bool IsReady => _ready;

    /// <summary>The latest STATUS= line.</summary>
    internal string Status => _status;

    /// <summary>How often WATCHDOG=1 was heard.</summary>
    internal int Beats => _beats;

    /// <summary>Hears what has been said so far, and nothing more. .NET also removes the socket's file.</summary>
    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Receive()
    {
        while (true)
        {
            bool isLast = _stopping;
            while (TryReceive())
            {
            }

            if (isLast)
            {
                return;
            }

            _socket.Poll(PollMicroseconds, SelectMode.SelectRead);
        }
    }

    private unsafe bool TryReceive()
    {
        byte* text = stackalloc byte[4096];
        byte* control = stackalloc byte[1024];
        var vector = new LabLibC.IoVector { iov_base = text, iov_len = 4096 };
        var header = new LabLibC.MessageHeader { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 1024 };
        nint length = LabLibC.recvmsg((int)_socket.Handle, &header, LabLibC.MSG_DONTWAIT | LabLibC.MSG_CMSG_CLOEXEC);
        if (length < 0)
        {
            return false;
        }

        List<int> descriptors = ReadDescriptors(new ReadOnlySpan<byte>(control, (int)header.msg_controllen));
        Dictionary<string, string> assignments = Encoding.UTF8.GetString(text, (int)length).Split('\n')
            .Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        Hear(assignments, descriptors);
        return true;
    }

    private void Hear(Dictionary<string, string> assignments, List<int> descriptors)
    {
        string? name = assignments.GetValueOrDefault("FDNAME");
        if (_kept is not null && name is not null && assignments.ContainsKey("FDSTORE"))
        {
            descriptors.ForEach(descriptor => _kept.Add(name, descriptor));
        }
        else
        {
            descriptors.ForEach(descriptor => LabLibC.close(descriptor));
        }

        if (name is not null && assignments.ContainsKey("FDSTOREREMOVE"))
        {
            _kept?.Remove(name);
        }

        _status = assignments.GetValueOrDefault("STATUS", _status);
        _ready |= assignments.ContainsKey("READY");
        _beats += assignments.ContainsKey("WATCHDOG") ? 1 : 0;
    }

    // struct cmsghdr: its length with the header's 16 bytes, level, type, then the data, padded to 8 bytes.
    private static List<int> ReadDescriptors(ReadOnlySpan<byte> control)
    {
        const int HeaderLength = 16;
        const int ScmRights = 1;
        List<int> descriptors = [];
        while (control.Length >= HeaderLength)
        {
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(control);
            for (int i = HeaderLength; BinaryPrimitives.ReadInt32LittleEndian(control[12..]) == ScmRights && i < length; i += sizeof(int))
            {
                descriptors.Add(BinaryPrimitives.ReadInt32LittleEndian(control[i..]));
            }

            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }

        return descriptors;
    }
}
