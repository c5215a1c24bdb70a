using System.Diagnostics;
using System.Globalization;
using EgressAgent.Linux.FileDescriptors;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>
/// The relay beside HAProxy (TCP mode, splice-auto, the same number of threads), and beside another build of itself: in random order
/// within each round, medians over the rounds, ratios of what belongs to one round. Connections are wrk's, and nginx closes them.
/// </summary>
internal sealed class RelayBenchmark
{
    private const int ConnectClients = 50;
    private const int RoundTripClients = 16;
    private const double Gigabyte = 1e9;

    // What a proxy has open besides two descriptors for each connection, with those below 1024 that the agent leaves to libnftables.
    private const int OtherDescriptors = 1500;

    private readonly BenchmarkLab _lab;
    private readonly Contender _relay;
    private readonly Contender _haProxy;
    private readonly Contender? _baseline;
    private readonly int _seconds;
    private readonly int _rounds;
    private readonly int _idle;
    private readonly string? _only;
    private readonly List<Comparison> _results = [];

    private RelayBenchmark(BenchmarkLab lab, Contender relay, Contender haProxy, Contender? baseline, int seconds, int rounds, int idle, string? only)
    {
        _lab = lab;
        _relay = relay;
        _haProxy = haProxy;
        _baseline = baseline;
        _seconds = seconds;
        _rounds = rounds;
        _idle = idle;
        _only = only;
    }

    internal static int Run(string[] arguments)
    {
        int threads = Option(arguments, "--threads", 2);
        int idle = Option(arguments, "--idle", 10_000);
        int possible = (int)Math.Min(idle, (DescriptorLimit.RaiseToHard() - OtherDescriptors) / 2);
        if (possible < idle)
        {
            Console.WriteLine($"RLIMIT_NOFILE allows for {possible} idle connections, not for {idle}; tests/vm has no such limit");
        }

        using var lab = new BenchmarkLab();
        using var webServer = new WebServer(lab.Server, BenchmarkLab.ServerAddress);
        using Process server = BenchmarkLab.Start(lab.Server, Environment.ProcessPath!, "load-server");
        try
        {
            server.StandardOutput.ReadLine();
            using Contender relay = Contender.StartRelay(lab, threads);
            using Contender haProxy = Contender.StartHaProxy(lab, threads, possible + ConnectClients);
            using Contender? baseline = Word(arguments, "--baseline") is { } program ? Contender.StartBaseline(lab, program, threads) : null;
            var benchmark = new RelayBenchmark(
                lab,
                relay,
                haProxy,
                baseline,
                Option(arguments, "--seconds", 1),
                Option(arguments, "--rounds", 15),
                possible,
                Word(arguments, "--only"));
            benchmark.Measure();
            return benchmark.Print(threads);
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
        }
    }

    private void Measure()
    {
        var throughput = new Comparison("one stream, MB/s", Bar.AtLeast(1.8));
        var cpu = new Comparison("CPU for 1 GB, s", Bar.AtMost(1));
        var rate = new Comparison($"connections/s, wrk → nginx, {ConnectClients} clients", Bar.AtLeast(1.1));
        var rateCpu = new Comparison("CPU for 1000 connections, s", Bar.AtMost(1));
        var baselineRate = new Comparison("connections/s beside the baseline", Bar.AtLeast(1));
        var baselineCpu = new Comparison("CPU for 1000 connections beside the baseline, s", Bar.AtMost(1));
        var median = new Comparison($"round trip p50, {RoundTripClients} clients, µs", Bar.AtMost(1));
        var tail = new Comparison($"round trip p99, {RoundTripClients} clients, µs", Bar.AtMost(1));
        var aloneTail = new Comparison("round trip p99, one client, µs", Bar.AtMost(1));
        var messageCpu = new Comparison("CPU for 100,000 round trips, s", Bar.AtMost(1));
        var memory = new Comparison($"resident with {_idle} idle connections, KiB", Bar.AtMost(1));
        _results.AddRange([throughput, cpu, rate, rateCpu, baselineRate, baselineCpu, median, tail, aloneTail, messageCpu, memory]);
        for (int round = 0; round < _rounds; round++)
        {
            InTurns("stream", contender =>
            {
                double before = contender.CpuSeconds;
                double bytes = Load("stream", contender, 1)[0];
                throughput.Add(contender == _relay, bytes / 1e6);
                cpu.Add(contender == _relay, (contender.CpuSeconds - before) / (bytes * _seconds / Gigabyte));
            });
            InTurns("connect", contender =>
            {
                double before = contender.CpuSeconds;
                (double connections, double seconds) = WebClient.Run(_lab.Clients, contender.Address, ConnectClients, _seconds);
                double cost = (contender.CpuSeconds - before) / (connections / 1000);
                if (contender != _baseline)
                {
                    rate.Add(contender == _relay, connections / seconds);
                    rateCpu.Add(contender == _relay, cost);
                }

                if (_baseline is not null && contender != _haProxy)
                {
                    baselineRate.Add(contender == _relay, connections / seconds);
                    baselineCpu.Add(contender == _relay, cost);
                }
            });
            InTurns("roundtrip", contender =>
            {
                double before = contender.CpuSeconds;
                double[] times = Load("roundtrip", contender, RoundTripClients);
                median.Add(contender == _relay, times[0]);
                tail.Add(contender == _relay, times[1]);
                messageCpu.Add(contender == _relay, (contender.CpuSeconds - before) / (times[2] / 100_000));
            });
            InTurns("roundtrip", contender => aloneTail.Add(contender == _relay, Load("roundtrip", contender, 1)[1]));
        }

        InTurns("connect", CountSystemCalls);
        InTurns("idle", contender => memory.Add(contender == _relay, Hold(contender)));
    }

    private void InTurns(string kind, Action<Contender> measure)
    {
        if (_only is not null && _only != kind)
        {
            return;
        }

        Contender[] order = _baseline is not null && kind == "connect" ? [_relay, _haProxy, _baseline] : [_relay, _haProxy];
        Random.Shared.Shuffle(order);
        Array.ForEach(order, measure);
    }

    private void CountSystemCalls(Contender contender)
    {
        using var calls = new SystemCalls(contender.ProcessId);
        (double connections, _) = WebClient.Run(_lab.Clients, contender.Address, ConnectClients, _seconds);
        Dictionary<string, long> counts = calls.Read();
        string name = contender == _relay ? "relay" : contender == _haProxy ? "HAProxy" : "baseline";
        IEnumerable<string> each = counts.OrderByDescending(count => count.Value)
            .Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Key} {count.Value / connections:F2}"))
            .Where(text => !text.EndsWith(" 0.00", StringComparison.Ordinal));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"system calls of a connection, {name}: {counts.Values.Sum() / connections:F1} ({string.Join(", ", each)})"));
    }

    private double[] Load(string kind, Contender contender, int clients)
    {
        using Process process = StartClient(kind, contender, clients);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. output.Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
    }

    private double Hold(Contender contender)
    {
        using Process process = StartClient("idle", contender, _idle);
        if (process.StandardOutput.ReadLine() != "held")
        {
            throw new InvalidOperationException("the idle connections do not come up");
        }

        double resident = contender.ResidentKiB;
        process.StandardInput.Close();
        process.WaitForExit();
        return resident;
    }

    private Process StartClient(string kind, Contender contender, int clients) => BenchmarkLab.Start(
        _lab.Clients, Environment.ProcessPath!, "load-client", kind, contender.Address, _seconds.ToString(), clients.ToString());

    private int Print(int threads)
    {
        Console.WriteLine($"{threads} threads each, {_rounds} rounds of {_seconds} s, medians");
        Report.Head("relay", "HAProxy");
        _results.RemoveAll(result => result.IsEmpty);
        _results.ForEach(result => result.Print());
        return _results.TrueForAll(result => result.Passes) ? 0 : 1;
    }

    internal static int Option(string[] arguments, string name, int fallback) =>
        Word(arguments, name) is { } word ? int.Parse(word, CultureInfo.InvariantCulture) : fallback;

    private static string? Word(string[] arguments, string name)
    {
        int index = Array.IndexOf(arguments, name);
        return index < 0 ? null : arguments[index + 1];
    }
}
