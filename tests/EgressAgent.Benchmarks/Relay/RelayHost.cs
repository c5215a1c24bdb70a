using System.Net;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The relay as a process of its own, outside the router's network namespace as in the agent.</summary>
internal static class RelayHost
{
    internal static int Run(string routerNamespace, string address, int threads, bool segmentation)
    {
        using NetworkNamespace router = NetworkNamespace.OpenPath(NetworkNamespace.PathOf(routerNamespace));
        using var group = new RelayLoopGroup(threads);
        using var relay = new RouterRelay(group, router.Run, new RelayOptions { UsesSegmentation = segmentation });
        var source = IPAddress.Parse(BenchmarkLab.SourceAddress);
        relay.Apply(new RedirectPlan
        {
            Key = new RouterKey("default", "web"),
            Datapath = DatapathKind.Relay,
            Families = [new FamilyRedirect(IPAddress.Parse(address), source, [source], Fallback: null)],
            Rules = [Tcp(LoadPorts.Stream), Tcp(LoadPorts.Echo), Tcp(LoadPorts.Web), Udp(LoadPorts.Sink), Udp(LoadPorts.Source)],
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
