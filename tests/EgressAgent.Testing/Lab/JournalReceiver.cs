using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>The journald of a namespace, as far as its clients see it: takes what they write to its socket, and keeps it.</summary>
public sealed class JournalReceiver : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<IReadOnlyDictionary<string, string>> _entries = [];
    private readonly DirectoryInfo _directory;
    private Socket? _socket;

    /// <param name="isListening">Whether its socket is there already.</param>
    public JournalReceiver(bool isListening = true)
    {
        Namespace = $"test-{Guid.NewGuid():N}"[..20];
        _directory = Directory.CreateDirectory($"/run/systemd/journal.{Namespace}");
        if (isListening)
        {
            Listen();
        }
    }

    /// <summary>The name of the namespace.</summary>
    public string Namespace { get; }

    public string SocketPath => Path.Combine(_directory.FullName, "socket");

    /// <summary>What has come so far.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, string>> Entries
    {
        get
        {
            lock (_lock)
            {
                return [.. _entries];
            }
        }
    }

    /// <summary>From here on its socket is there.</summary>
    public void Listen()
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        new Thread(() => Receive(_socket)) { Name = "journal", IsBackground = true }.Start();
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _directory.Delete(recursive: true);
    }

    private void Receive(Socket socket)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                int length = socket.Receive(buffer);

                // A value with a newline would come in another form; records have none.
                string[] fields = Encoding.UTF8.GetString(buffer, 0, length).TrimEnd('\n').Split('\n');
                lock (_lock)
                {
                    _entries.Add(fields.Select(field => field.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }
}
