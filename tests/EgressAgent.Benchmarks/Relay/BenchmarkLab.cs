using System.Diagnostics;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>Three network namespaces in a row: clients, router, server. The router has an inside address for each contender.</summary>
internal sealed class BenchmarkLab : IDisposable
{
    internal const string RelayAddress = "198.18.0.2";
    internal const string OtherAddress = "198.18.0.3";
    internal const string BaselineAddress = "198.18.0.4";
    internal const string SourceAddress = "192.168.12.99";
    internal const string ServerAddress = "192.168.12.10";

    private readonly string _prefix = $"rb{Environment.ProcessId:x}{Random.Shared.Next(0x10000):x4}";

    internal BenchmarkLab() => Shell($"""
        for n in c r s; do ip netns add {_prefix}$n; ip -n {_prefix}$n link set lo up; done
        ip -n {Clients} link add c0 type veth peer name eth0 netns {Router}
        ip -n {Router} link add net1 type veth peer name s0 netns {Server}
        ip -n {Clients} addr add 198.18.0.1/16 dev c0
        ip -n {Router} addr add {RelayAddress}/16 dev eth0
        ip -n {Router} addr add {OtherAddress}/16 dev eth0
        ip -n {Router} addr add {BaselineAddress}/16 dev eth0
        ip -n {Router} addr add {SourceAddress}/24 dev net1
        ip -n {Server} addr add {ServerAddress}/24 dev s0
        ip -n {Clients} link set c0 up; ip -n {Router} link set eth0 up
        ip -n {Router} link set net1 up; ip -n {Server} link set s0 up
        """);

    internal string Clients => _prefix + "c";

    internal string Router => _prefix + "r";

    internal string Server => _prefix + "s";

    /// <summary>Starts a program in one of the namespaces, or outside.</summary>
    internal static Process Start(string? netns, string program, params string[] arguments)
    {
        string[] prefix = netns is null ? [] : ["nsenter", $"--net=/run/netns/{netns}"];
        string[] command = [.. prefix, program, .. arguments];
        return Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    public void Dispose() => Shell($"for n in c r s; do ip netns del {_prefix}$n; done");

    private static void Shell(string script)
    {
        using Process process = Process.Start("/bin/sh", ["-ec", script]);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException("the lab cannot be built");
        }
    }
}
