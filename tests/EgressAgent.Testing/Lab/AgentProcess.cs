using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// The real agent, as a native binary, on a host of a lab. It is supervised the way systemd does it: <c>NOTIFY_SOCKET</c> tells when
/// it is ready, SIGTERM asks it to stop.
/// </summary>
public sealed class AgentProcess : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    // Longer than connections of the relay may go on.
    private static readonly TimeSpan StopDeadline = TimeSpan.FromMinutes(2);

    private readonly LabHost _host;
    private readonly Process _process;
    private readonly NotifySocket _notifications;
    private readonly StringBuilder _log = new();

    private AgentProcess(LabHost host, Process process, NotifySocket notifications)
    {
        _host = host;
        _process = process;
        _notifications = notifications;
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Pid => _process.Id;

    /// <summary>From the start of the process to its READY=1.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>The line that <c>systemctl status</c> would show for it.</summary>
    public string Status => _notifications.Status;

    /// <summary>How often it has told its service manager's watchdog that it is alive; 0 where <c>WATCHDOG_USEC</c> does not ask it to.</summary>
    public int Beats => _notifications.Beats;

    /// <summary>All that it printed so far; what it has just done or told otherwise may come a moment later.</summary>
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

    /// <summary>Waits until it has printed <paramref name="words"/>.</summary>
    public void WaitForLog(string words, TimeSpan? within = null) =>
        Eventually.True($"'{words}'", () => Log.Contains(words, StringComparison.Ordinal), within, () => $"{Status}\n{Log}");

    /// <summary>Starts it and waits for READY=1.</summary>
    /// <param name="host">Where it runs.</param>
    /// <param name="files">Its directories.</param>
    /// <param name="kept">What its service manager keeps for it; null for a manager that keeps nothing.</param>
    /// <param name="launcher">A program, with its options, that becomes the agent, such as prlimit(1).</param>
    /// <exception cref="InvalidOperationException">It ended before it was ready; the message holds its log.</exception>
    /// <exception cref="TimeoutException">It was not ready in 20 s; the message holds its log.</exception>
    public static AgentProcess Start(LabHost host, AgentFiles files, KeptDescriptors? kept = null, params IReadOnlyList<string> launcher)
    {
        NotifySocket notifications = new(files.NotifySocket, kept);
        IReadOnlyList<string> words =
        [
            .. launcher, Repository.AgentBinary, "run",
            "--routers", files.Routers, "--config", files.Config, "--state", files.State, "--runtime", files.Runtime,
            "--bus", files.Bus, "--log", "console",
        ];

        Stopwatch clock = Stopwatch.StartNew();
        Process process = kept is null ? StartProcess(words) : kept.PassTo(StartProcess, words);
        AgentProcess agent = new(host, process, notifications);
        try
        {
            agent.WaitReady();
            agent.StartTime = clock.Elapsed;

            // What it has said before that is in its log then, which is read by another thread.
            agent.WaitForLog("INF ready: ");
            return agent;
        }
        catch
        {
            agent.Dispose();
            throw;
        }

        Process StartProcess(IReadOnlyList<string> program)
        {
            ProcessStartInfo start = Command.StartInfo([.. host.EnterWords, .. program]);
            start.Environment["NOTIFY_SOCKET"] = files.NotifySocket;
            return Process.Start(start)!;
        }
    }

    /// <summary>SIGTERM, and its exit code. Whatever it did, all its threads are at home by then.</summary>
    /// <exception cref="TimeoutException">It still ran after two minutes, or a thread has stayed in the network namespace of a router.</exception>
    public int Stop()
    {
        if (!_process.HasExited)
        {
            WaitForThreadsAtHome();
        }

        Signal(LabLibC.SIGTERM);
        if (!_process.WaitForExit(StopDeadline))
        {
            throw new TimeoutException($"The agent ignored SIGTERM for {StopDeadline.TotalSeconds} s.\n{Log}");
        }

        _notifications.Dispose();
        return _process.ExitCode;
    }

    /// <summary>SIGKILL, as the out-of-memory killer does it.</summary>
    public void Kill()
    {
        Signal(LabLibC.SIGKILL);
        _process.WaitForExit();
        _notifications.Dispose();
    }

    /// <summary>Stops the agent where it is, until <see cref="Resume"/>.</summary>
    public void Suspend() => _process.Stop();

    public void Resume() => _process.Continue();

    /// <summary>From now on nobody hears what the agent notifies.</summary>
    public void LoseServiceManager() => _notifications.Dispose();

    /// <summary>
    /// Waits until every thread is in the network namespace of its host. One that looks at a router is in that router's, for a moment.
    /// </summary>
    public void WaitForThreadsAtHome()
    {
        string home = ThreadNamespaces.Of(_host.NamespacePath);
        Eventually.True(
            "every thread of the agent in its host's network namespace",
            () => ThreadNamespaces.Strays(Pid, home).Count == 0,
            otherwise: () => string.Join('\n', ThreadNamespaces.Strays(Pid, home)));
    }

    /// <summary>Memory that it has in RAM, in bytes.</summary>
    public long ResidentBytes() => 1024 * long.Parse(
        File.ReadLines($"/proc/{Pid}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split()[^2]);

    /// <summary>The names of the files it has mapped.</summary>
    public IReadOnlyCollection<string> MappedFiles() =>
        File.ReadLines($"/proc/{Pid}/maps").Select(line => Path.GetFileName(line.Split(' ')[^1])).ToHashSet();

    /// <summary>Of processors, since it began.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>How many file descriptors it has open, but for those of its own code, which the runtime opens as it comes to it.</summary>
    public int DescriptorCount() => Directory.GetFiles($"/proc/{Pid}/fd").Count(path => Path.GetExtension(new FileInfo(path).LinkTarget) is not (".dll" or ".pdb"));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        _notifications.Dispose();
    }

    private void WaitReady() => Eventually.True(
        "the agent's READY=1",
        () =>
        {
            if (_process.HasExited)
            {
                // Also waits for the end of its output.
                _process.WaitForExit();
                throw new InvalidOperationException($"The agent ended with exit code {_process.ExitCode} before it was ready.\n{Log}");
            }

            return _notifications.IsReady;
        },
        otherwise: () => "Its log:\n" + Log);

    private void Signal(int signal)
    {
        if (LabLibC.kill(Pid, signal) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"kill {Pid}");
        }
    }

    private void Append(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
