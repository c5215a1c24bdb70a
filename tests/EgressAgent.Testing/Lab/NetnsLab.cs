using System.Diagnostics;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// A network of hosts, each a network namespace of its own, that exists for one test. Every link is made inside a namespace, so
/// the machine's own links never change. Built with iproute2: what the tests see does not go through the code under test.
/// Disposing ends everything that was started in the lab and removes it.
/// </summary>
public sealed class NetnsLab : IDisposable
{
    private readonly List<LabHost> _hosts = [];
    private readonly List<Process> _processes = [];
    private readonly List<IDisposable> _owned = [];

    public NetnsLab() => Requires.Root();

    /// <summary>The prefix of the lab's namespace names, unlike that of any other lab on the machine.</summary>
    public string Id { get; } = $"lab{Environment.ProcessId}-{Random.Shared.Next(0x10000):x4}";

    /// <summary>Makes a host: a namespace whose loopback is up.</summary>
    public LabHost AddHost(string name)
    {
        LabHost host = new(this, name);
        Command.Check("ip", "netns", "add", host.Namespace);
        _hosts.Add(host);
        host.Ip("link set lo up");
        return host;
    }

    /// <summary>Makes a LAN segment: a bridge in a namespace of its own, where all that crosses it can be captured.</summary>
    public LabSegment AddSegment(string name)
    {
        LabHost bridgeHost = AddHost(name);

        // A switch says nothing of its own.
        bridgeHost.Check("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        bridgeHost.Ip("link add bridge type bridge mcast_snooping 0");
        bridgeHost.Ip("link set bridge up");
        return new LabSegment(bridgeHost);
    }

    /// <summary>The names of all network namespaces of the machine that have one.</summary>
    internal static IReadOnlySet<string> NamespaceNames() =>
        Directory.Exists("/run/netns") ? Directory.GetFiles("/run/netns").Select(path => Path.GetFileName(path)).ToHashSet() : [];

    public void Dispose()
    {
        foreach (IDisposable owned in Enumerable.Reverse(_owned))
        {
            owned.Dispose();
        }

        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        foreach (LabHost host in Enumerable.Reverse(_hosts))
        {
            Command.Run("ip", "netns", "del", host.Namespace);
        }
    }

    /// <summary>Takes a host away, with its links; whatever runs on it has ended.</summary>
    internal void RemoveHost(LabHost host)
    {
        Command.Check("ip", "netns", "del", host.Namespace);
        _hosts.Remove(host);
    }

    /// <summary>Disposes of <paramref name="resource"/> with the lab, before its namespaces go.</summary>
    internal T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    internal Process Start(IReadOnlyList<string> words)
    {
        Process process = Process.Start(Command.StartInfo(words))!;
        _processes.Add(process);
        return process;
    }
}
