using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace EgressAgent.Testing.Journal;

/// <summary>A real journald of the test's own, for a journal namespace of this machine that nobody else has.</summary>
public sealed class PrivateJournal : IDisposable
{
    private const string Program = "/lib/systemd/systemd-journald";

    // Before the first of them.
    private static readonly string[] There = [.. ((string[])["/run/log/journal", "/var/log/journal"]).Where(Directory.Exists)];

    // One that begins makes its directory in the one that another, which ends, may take away.
    private static readonly Lock Directories = new();

    private readonly string _configuration;
    private readonly string _runtime;
    private readonly string _files;
    private readonly string _all;
    private readonly bool _isKept;
    private readonly Process _journald;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    private PrivateJournal(bool isOnDisk)
    {
        string machine = File.ReadAllText("/etc/machine-id").Trim();
        _configuration = $"/run/systemd/journald@{Namespace}.conf.d";
        _runtime = $"/run/systemd/journal.{Namespace}";
        _all = isOnDisk ? "/var/log/journal" : "/run/log/journal";
        _files = $"{_all}/{machine}.{Namespace}";
        _isKept = There.Contains(_all);
        Directory.CreateDirectory(_configuration);
        File.WriteAllText(
            Path.Combine(_configuration, "test.conf"),
            $"[Journal]\nStorage={(isOnDisk ? "persistent" : "volatile")}\nRateLimitIntervalSec=0\nSystemMaxUse=4G\nForwardToSyslog=no\nForwardToWall=no\n");
        Directory.CreateDirectory(_runtime);
        lock (Directories)
        {
            Directory.CreateDirectory(_files);
        }

        _journald = Process.Start(Command.StartInfo([Program, Namespace]))!;
        Eventually.True("journald", () => TrySync().ExitCode == 0, otherwise: () => TrySync().Errors);
        _socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(_runtime, "socket")));
    }

    public string Namespace { get; } = $"egress-test-{Guid.NewGuid():N}";

    /// <summary>Whether this machine has what it takes.</summary>
    public static bool IsAvailable => Environment.IsPrivilegedProcess && File.Exists(Program) && File.Exists("/etc/machine-id");

    /// <summary>How many bytes its files have.</summary>
    public long Size => new DirectoryInfo(_files).GetFiles().Sum(file => file.Length);

    /// <summary>Of processors, since it began.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _journald.Refresh();
            return _journald.TotalProcessorTime;
        }
    }

    /// <summary>Starts it; it takes entries when this returns.</summary>
    /// <param name="isOnDisk">Whether its files are in /var, for many entries; in memory otherwise.</param>
    public static PrivateJournal Start(bool isOnDisk = false) => new(isOnDisk);

    /// <summary>Hands over one entry, by systemd's native protocol, as <see cref="FlowEntry.Text"/> has it.</summary>
    public void Send(string entry) => _socket.Send(Encoding.UTF8.GetBytes(entry));

    /// <summary>Waits until all that was sent can be read.</summary>
    public void Sync()
    {
        CommandResult result = TrySync();
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    /// <summary>Has the kernel give up what it holds of the files in memory, as far as journald itself has it not mapped.</summary>
    public void Evict()
    {
        foreach (string file in Directory.GetFiles(_files))
        {
            Command.Check("dd", $"if={file}", "iflag=nocache", "count=0", "status=none");
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _journald.Kill();
        _journald.WaitForExit();
        _journald.Dispose();
        lock (Directories)
        {
            foreach (string directory in (string[])[_configuration, _runtime, _files])
            {
                Directory.Delete(directory, recursive: true);
            }

            // That it is there tells the machine's own journald to keep its files in it.
            if (!_isKept && !Directory.EnumerateFileSystemEntries(_all).Any())
            {
                Directory.Delete(_all);
            }
        }
    }

    private CommandResult TrySync() => Command.Run("journalctl", $"--namespace={Namespace}", "--sync");
}
