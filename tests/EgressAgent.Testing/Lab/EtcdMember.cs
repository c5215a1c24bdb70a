using System.Diagnostics;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>One member of an etcd.</summary>
public sealed class EtcdMember : IDisposable
{
    internal const string Program = "/usr/bin/etcd";

    private readonly LabHost? _host;
    private readonly IReadOnlyList<string> _words;
    private readonly StringBuilder _log = new();
    private Process? _process;

    internal EtcdMember(LabHost? host, string endpoint, IReadOnlyList<string> words)
    {
        (_host, Endpoint, _words) = (host, endpoint, words);
    }

    /// <summary>Whether the machine has etcd.</summary>
    public static bool IsInstalled => File.Exists(Program);

    /// <summary>Where clients reach it.</summary>
    public string Endpoint { get; }

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Whether it was started, and not killed since.</summary>
    public bool IsRunning => _process is not null;

    /// <summary>Starts it, for the first time or again: with what it had.</summary>
    public void Start()
    {
        ProcessStartInfo start = Command.StartInfo([.. _host?.EnterWords ?? [], .. _words]);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>SIGKILL, as the power fails.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Stops it where it is, until <see cref="Resume"/>: its connections stay, and nobody answers.</summary>
    public void Suspend() => _process!.Stop();

    public void Resume() => _process!.Continue();

    /// <summary>Whether it is the leader of the others.</summary>
    public bool IsLeader => Control("endpoint", "status", "--write-out=json").Output is var text
        && Number(text, "\"member_id\":") is { } self && self == Number(text, "\"leader\":");

    /// <summary>Runs etcdctl(1) against it.</summary>
    public CommandResult Control(params IReadOnlyList<string> words) =>
        Command.Run([.. _host?.EnterWords ?? [], "env", "ETCDCTL_API=3", "etcdctl", $"--endpoints={Endpoint}", .. ControlOptions, .. words]);

    internal IReadOnlyList<string> ControlOptions { get; init; } = [];

    public void Dispose()
    {
        if (_process is not null)
        {
            _process.Continue();
            Kill();
        }
    }

    internal void WaitForLeader() => Eventually.True(
        $"etcd at {Endpoint} to have a leader", () => Control("endpoint", "health").ExitCode == 0, otherwise: () => Log);

    private static string? Number(string text, string name) =>
        text.IndexOf(name, StringComparison.Ordinal) is >= 0 and var place ? new string([.. text[(place + name.Length)..].TakeWhile(char.IsAsciiDigit)]) : null;

    private void Append(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
