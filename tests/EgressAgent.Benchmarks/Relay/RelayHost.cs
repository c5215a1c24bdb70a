using System.Net;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The relay as a process of its own, outside the router's network namespace as in the agent.</summary>
internal static class RelayHost
{
    internal static int Run(string routerNamespace, int threads)
    {
        using NetworkNamespace router = NetworkNamespace.OpenPath(NetworkNamespace.PathOf(routerNamespace));
        using var group = new RelayLoopGroup(threads);
        using var relay = new RelayDatapath(group, router.Run);
        relay.Apply(new RelayPlan
        {
            Families = [new RelayFamily(IPAddress.Parse(BenchmarkLab.RelayAddress), IPAddress.Parse(BenchmarkLab.SourceAddress))],
            Rules = [Rule(LoadPorts.Stream), Rule(LoadPorts.Echo)],
            InsideInterface = "eth0",
        });
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        return 0;
    }

    private static RedirectRuleSpec Rule(ushort port) =>
        new(TransportProtocol.TCP, port, IPAddress.Parse(BenchmarkLab.ServerAddress), port);
}
