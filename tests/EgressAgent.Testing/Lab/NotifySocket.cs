using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>The service manager's end of <c>NOTIFY_SOCKET</c> (sd_notify(3)): hears all that the agent says, as systemd does.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private volatile bool _ready;
    private volatile string _status = "";

    internal NotifySocket(string path)
    {
        File.Delete(path);
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        _ = ReceiveAsync();
    }

    /// <summary>Whether READY=1 was heard.</summary>
    internal bool IsReady => _ready;

    /// <summary>The latest STATUS= line.</summary>
    internal string Status => _status;

    // .NET also removes the socket's file.
    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        byte[] datagram = new byte[4096];
        try
        {
            while (true)
            {
                int length = await _socket.ReceiveAsync(datagram);
                foreach (string assignment in Encoding.UTF8.GetString(datagram, 0, length).Split('\n'))
                {
                    Hear(assignment);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private void Hear(string assignment)
    {
        if (assignment == "READY=1")
        {
            _ready = true;
        }
        else if (assignment.StartsWith("STATUS=", StringComparison.Ordinal))
        {
            _status = assignment["STATUS=".Length..];
        }
    }
}
