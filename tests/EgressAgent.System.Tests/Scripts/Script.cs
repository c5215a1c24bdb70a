using System.Diagnostics;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Scripts;

/// <summary>A script of this repository in progress, with all that it started: those processes bear a mark of their own.</summary>
internal sealed class Script : IDisposable
{
    private const string Mark = "EGRESS_SCRIPT";

    private readonly string _mark = Guid.NewGuid().ToString();
    private readonly Process _process;
    private readonly Task<string> _output;

    private Script(string path, string[] arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("sh", ["-c", "exec \"$0\" \"$@\" 2>&1", path, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [Mark] = _mark },
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
    }

    /// <summary>Its own process, the first of all.</summary>
    public Process Process => _process;

    public static Script Start(string path, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(path, arguments, environment);

    /// <summary>Waits for its end, and for that of everything that holds its output.</summary>
    public (int ExitCode, string Output) Wait(TimeSpan within)
    {
        Assert.True(_output.Wait(within), $"the script still runs, or what it started, after {within.TotalSeconds} s");
        _process.WaitForExit();
        return (_process.ExitCode, _output.Result);
    }

    /// <summary>The command lines of what it started and did not end.</summary>
    public IReadOnlyList<string> Remains() => [.. Marked().Select(process => Read(process, "cmdline"))];

    public void Dispose()
    {
        foreach (string process in Marked())
        {
            Command.Run("kill", "-KILL", Path.GetFileName(process));
        }

        _process.Dispose();
    }

    private IEnumerable<string> Marked() =>
        Directory.GetDirectories("/proc").Where(process => Read(process, "environ").Split(' ').Contains($"{Mark}={_mark}"));

    // It may be gone by now, or somebody else's.
    private static string Read(string process, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, file)).Replace('\0', ' ').TrimEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
