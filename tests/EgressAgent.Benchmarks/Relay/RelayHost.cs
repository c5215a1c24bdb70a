using System.Net;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The relay as a process of its own, outside the router's network namespace as in the agent.</summary>
internal static class RelayHost
{
    internal static int Run(string routerNamespace, string address, int threads, bool segmentation)
    {
        using NetworkNamespace router = NetworkNamespace.OpenPath(NetworkNamespace.PathOf(routerNamespace));
        using var group = new RelayLoopGroup(threads);
        using var relay = new RelayDatapath(group, router.Run, new RelayOptions { UsesSegmentation = segmentation });
        relay.Apply(new RelayPlan
        {
            Families = [new RelayFamily(IPAddress.Parse(address), IPAddress.Parse(BenchmarkLab.SourceAddress))],
            Rules = [Tcp(LoadPorts.Stream), Tcp(LoadPorts.Echo), Udp(LoadPorts.Sink), Udp(LoadPorts.Source)],
            InsideInterface = "eth0",
        });
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        return 0;
    }

    private static RedirectRuleSpec Tcp(ushort port) =>
        new(TransportProtocol.TCP, port, IPAddress.Parse(BenchmarkLab.ServerAddress), port);

    private static RedirectRuleSpec Udp(ushort port) =>
        new(TransportProtocol.UDP, port, IPAddress.Parse(BenchmarkLab.ServerAddress), port);
}
