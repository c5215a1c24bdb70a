using System.Diagnostics;
using System.Globalization;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>A proxy under test: a running process and the address at which it serves.</summary>
internal sealed class Contender : IDisposable
{
    private const double TicksPerSecond = 100;

    private readonly Process _process;
    private readonly string? _configuration;

    private Contender(string address, Process process, string? configuration)
    {
        Address = address;
        _process = process;
        _configuration = configuration;
    }

    internal string Address { get; }

    internal int ProcessId => _process.Id;

    /// <summary>User and system seconds since the start, proc_pid_stat(5).</summary>
    internal double CpuSeconds
    {
        get
        {
            string stat = File.ReadAllText($"/proc/{_process.Id}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
                / TicksPerSecond;
        }
    }

    /// <summary>Resident KiB, proc_pid_status(5).</summary>
    internal double ResidentKiB => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split()[^2],
        CultureInfo.InvariantCulture);

    internal static Contender StartRelay(BenchmarkLab lab, int threads) =>
        StartRelay(lab, Environment.ProcessPath!, BenchmarkLab.RelayAddress, threads);

    /// <summary>The relay of another build of this program.</summary>
    internal static Contender StartBaseline(BenchmarkLab lab, string program, int threads) =>
        StartRelay(lab, program, BenchmarkLab.BaselineAddress, threads);

    /// <summary>The relay as on a kernel without segmentation offload for UDP.</summary>
    internal static Contender StartPlainRelay(BenchmarkLab lab, int threads) =>
        StartRelay(lab, Environment.ProcessPath!, BenchmarkLab.OtherAddress, threads, "plain");

    internal static Contender StartHaProxy(BenchmarkLab lab, int threads, int connections)
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, $"""
            global
                nbthread {threads}
                maxconn {connections}
                maxpipes 100
            defaults
                mode tcp
                option splice-auto
                timeout connect 5s
                timeout client 1h
                timeout server 1h
            listen stream
                bind {BenchmarkLab.OtherAddress}:{LoadPorts.Stream}
                source {BenchmarkLab.SourceAddress}
                server s {BenchmarkLab.ServerAddress}:{LoadPorts.Stream}
            listen echo
                bind {BenchmarkLab.OtherAddress}:{LoadPorts.Echo}
                source {BenchmarkLab.SourceAddress}
                server s {BenchmarkLab.ServerAddress}:{LoadPorts.Echo}
            listen web
                bind {BenchmarkLab.OtherAddress}:{LoadPorts.Web}
                source {BenchmarkLab.SourceAddress}
                server s {BenchmarkLab.ServerAddress}:{LoadPorts.Web}

            """);
        Process process = BenchmarkLab.Start(lab.Router, "haproxy", "-db", "-f", path);
        Thread.Sleep(500);
        return process.HasExited
            ? throw new InvalidOperationException("haproxy does not start")
            : new Contender(BenchmarkLab.OtherAddress, process, path);
    }

    private static Contender StartRelay(BenchmarkLab lab, string program, string address, int threads, params string[] options)
    {
        Process process = BenchmarkLab.Start(
            null, program, ["relay-host", lab.Router, address, threads.ToString(), .. options]);
        return process.StandardOutput.ReadLine() == "ready"
            ? new Contender(address, process, null)
            : throw new InvalidOperationException("the relay does not start");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        if (_configuration is not null)
        {
            File.Delete(_configuration);
        }
    }
}
