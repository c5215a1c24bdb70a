using System.Diagnostics;
using System.Globalization;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The relay with and without segmentation offload for UDP, in turns, medians over the rounds.</summary>
internal sealed class UdpBenchmark
{
    private const double Million = 1e6;

    // What does not gain must not lose more than noise.
    private const double Margin = 0.05;

    private static readonly (int Size, bool IsJoined)[] Kinds = [(1200, true), (1200, false), (64, false)];

    private readonly BenchmarkLab _lab;
    private readonly Process _server;
    private readonly Contender _relay;
    private readonly Contender _plain;
    private readonly int _seconds;
    private readonly List<Comparison> _results = [];

    private UdpBenchmark(BenchmarkLab lab, Process server, Contender relay, Contender plain, int seconds)
    {
        _lab = lab;
        _server = server;
        _relay = relay;
        _plain = plain;
        _seconds = seconds;
    }

    internal static int Run(string[] arguments)
    {
        int threads = RelayBenchmark.Option(arguments, "--threads", 2);
        int seconds = RelayBenchmark.Option(arguments, "--seconds", 2);
        int rounds = RelayBenchmark.Option(arguments, "--rounds", 5);
        using var lab = new BenchmarkLab();
        using Process server = BenchmarkLab.Start(lab.Server, Environment.ProcessPath!, "load-server");
        try
        {
            server.StandardOutput.ReadLine();
            using Contender relay = Contender.StartRelay(lab, threads);
            using Contender plain = Contender.StartPlainRelay(lab, threads);
            var benchmark = new UdpBenchmark(lab, server, relay, plain, seconds);
            benchmark.Measure(rounds);
            return benchmark.Print(threads, rounds);
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
        }
    }

    private void Measure(int rounds)
    {
        foreach ((int size, bool isJoined) in Kinds)
        {
            var load = new UdpLoad(size, isJoined, _seconds);
            string name = $"{size} bytes, {(isJoined ? "UDP_SEGMENT" : "sendmmsg")}";
            Measure(rounds, name + ", there", contender => SendTo(contender, load));
            Measure(rounds, name + ", back", contender => ReceiveFrom(contender, load));
        }
    }

    private void Measure(int rounds, string name, Func<Contender, double> run)
    {
        var rate = new Comparison($"{name}, 1/s", Bar.AtLeast(1 - Margin));
        var cpu = new Comparison($"{name}, CPU s for 1 M", Bar.AtMost(1 + Margin));
        _results.AddRange([rate, cpu]);
        for (int round = 0; round < rounds; round++)
        {
            // Who is first changes from round to round.
            foreach (Contender contender in round % 2 == 0 ? [_relay, _plain] : (Contender[])[_plain, _relay])
            {
                double before = contender.CpuSeconds;
                double delivered = run(contender);
                rate.Add(contender == _relay, delivered / _seconds);
                cpu.Add(contender == _relay, (contender.CpuSeconds - before) / (delivered / Million));
            }
        }
    }

    private double SendTo(Contender contender, UdpLoad load)
    {
        double before = ServerDatagrams();
        Client("udp-sender", contender, load);

        // What is still on its way when the sender ends.
        Thread.Sleep(200);
        return ServerDatagrams() - before;
    }

    private double ReceiveFrom(Contender contender, UdpLoad load) =>
        double.Parse(Client("udp-receiver", contender, load), CultureInfo.InvariantCulture);

    private string Client(string kind, Contender contender, UdpLoad load)
    {
        using Process process = BenchmarkLab.Start(
            _lab.Clients, Environment.ProcessPath!, [kind, contender.Address, .. load.Words]);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{kind} fails");
    }

    // What programs in the server's namespace took from their sockets: Udp InDatagrams, proc_pid_net(5).
    private double ServerDatagrams() => double.Parse(
        File.ReadLines($"/proc/{_server.Id}/net/snmp").Last(line => line.StartsWith("Udp:", StringComparison.Ordinal)).Split(' ')[1],
        CultureInfo.InvariantCulture);

    private int Print(int threads, int rounds)
    {
        Console.WriteLine($"{threads} threads each, {rounds} rounds of {_seconds} s, medians");
        Report.Head("offload", "plain");
        _results.ForEach(result => result.Print());
        return _results.TrueForAll(result => result.Passes) ? 0 : 1;
    }
}
