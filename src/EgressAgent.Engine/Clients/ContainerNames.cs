using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using EgressAgent.Linux.Cgroups;

namespace EgressAgent.Engine.Clients;

/// <summary>
/// What engines call their containers: Docker is asked at its socket, Podman's files are read. That is done on a thread of its own, so
/// that an engine that hangs holds up nobody: who asks is told what is known. The thread is there from the first question on.
/// Thread-safe.
/// </summary>
/// <param name="dockerSocket">Docker's.</param>
/// <param name="podmanDirectories">Where Podman has its storage.</param>
internal sealed class ContainerNames(string dockerSocket, IReadOnlyList<string> podmanDirectories) : IDisposable
{
    internal const string DockerSocket = "/run/docker.sock";

    internal static readonly IReadOnlyList<string> PodmanDirectories = ["/var/lib/containers/storage", "/run/containers/storage"];

    // Containers that went are forgotten when there are more.
    private const int Room = 4096;
    private const int MaxAnswer = 16 * 1024 * 1024;

    // An engine that is asked again and again has most of its time for others.
    private const int PausesPerReading = 5;

    // A container may get another name.
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EngineTime = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string? Name, long AskedAt)> _names = [];
    private readonly AutoResetEvent _asked = new(false);
    private readonly ManualResetEvent _ended = new(false);
    private Thread? _thread;
    private bool _isDisposed;

    /// <summary>The name; null as long as it is not known.</summary>
    internal string? Find(CgroupContainer container)
    {
        lock (_lock)
        {
            bool isKnown = _names.TryGetValue(container.Id, out (string? Name, long AskedAt) known);
            if (!_isDisposed && (!isKnown || TimeProvider.System.GetElapsedTime(known.AskedAt) > MaxAge))
            {
                if (_names.Count >= Room)
                {
                    _names.Clear();
                }

                _names[container.Id] = (known.Name, TimeProvider.System.GetTimestamp());
                _asked.Set();
                if (_thread is null)
                {
                    _thread = new Thread(Run) { Name = "containers", IsBackground = true };
                    _thread.Start();
                }
            }

            return known.Name;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
        }

        _ended.Set();
        _thread?.Join();
        _asked.Dispose();
        _ended.Dispose();
    }

    private void Run()
    {
        while (WaitHandle.WaitAny([_ended, _asked]) != 0)
        {
            long begun = TimeProvider.System.GetTimestamp();
            IEnumerable<(string Id, string Name)> answers = [.. ReadDocker(), .. podmanDirectories.SelectMany(ReadPodman)];
            TimeSpan pause = TimeProvider.System.GetElapsedTime(begun) * PausesPerReading;
            lock (_lock)
            {
                foreach ((string id, string name) in answers)
                {
                    if (_names.TryGetValue(id, out (string? Name, long AskedAt) known))
                    {
                        _names[id] = (name, known.AskedAt);
                    }
                }
            }

            if (_ended.WaitOne(pause < MaxPause ? pause : MaxPause))
            {
                return;
            }
        }
    }

    // HTTP 1.0: the answer ends with the connection.
    private List<(string Id, string Name)> ReadDocker()
    {
        if (!File.Exists(dockerSocket))
        {
            return [];
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            {
                SendTimeout = (int)EngineTime.TotalMilliseconds,
                ReceiveTimeout = (int)EngineTime.TotalMilliseconds,
            };
            socket.Connect(new UnixDomainSocketEndPoint(dockerSocket));
            socket.Send("GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n"u8);
            using var answer = new MemoryStream();
            byte[] buffer = new byte[16 * 1024];
            long begun = TimeProvider.System.GetTimestamp();
            for (int length; answer.Length < MaxAnswer && TimeProvider.System.GetElapsedTime(begun) < EngineTime && (length = socket.Receive(buffer)) > 0;)
            {
                answer.Write(buffer, 0, length);
            }

            string text = Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length);
            int body = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            return body < 0 ? [] : Parse(text[body..].Trim(), "Id", "Names");
        }
        catch (SocketException)
        {
            return [];
        }
    }

    // What containers/storage keeps of them, for each storage driver: containers.json, and of those that do not outlive a boot
    // volatile-containers.json.
    private static IEnumerable<(string Id, string Name)> ReadPodman(string directory)
    {
        try
        {
            return
            [
                .. Directory.EnumerateDirectories(directory, "*-containers")
                    .SelectMany(storage => Directory.EnumerateFiles(storage, "*containers.json"))
                    .SelectMany(file => Parse(File.ReadAllText(file), "id", "names")),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static List<(string Id, string Name)> Parse(string json, string idName, string namesName)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return
            [
                .. from container in document.RootElement.EnumerateArray()
                   let name = container.GetProperty(namesName).EnumerateArray().Select(name => name.GetString()!.TrimStart('/')).FirstOrDefault("")
                   where name.Length > 0
                   select (container.GetProperty(idName).GetString()!, name),
            ];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // Half written, or an error's text.
            return [];
        }
    }
}
