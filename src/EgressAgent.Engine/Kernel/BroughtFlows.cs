using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// What routers have of the flows that Services brought to them. A router does not know which Service brought a flow, so that one that is
/// cut in the netns of Services would live on between router and partner. Not thread-safe.
/// </summary>
internal sealed class BroughtFlows(RelayHost relays)
{
    // The replies by which the netns of Services knew what was cut.
    private readonly HashSet<ConntrackTuple> _cut = [];

    /// <summary>Ends flows in their relays. While the netns of Services has them, the resets reach the clients.</summary>
    /// <param name="flows">As that netns has them.</param>
    /// <param name="services">It, to ask.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused; some may be left.</exception>
    internal void Cut(IReadOnlyList<ConntrackEntry> flows, RouteNetlink services)
    {
        _cut.UnionWith(flows.Select(flow => flow.Reply));
        foreach (Brought brought in ByRouter(flows.Select(flow => flow.Reply), services))
        {
            using NetworkNamespace? netns = brought.TryOpenNetns(services);
            if (netns is not null && relays.IsRunning(brought.Router, netns))
            {
                // The client may have begun another by now, of the same ports, without the Service. The router does know of these, and what
                // it answers to one that the netns of Services has no more goes nowhere.
                using ConntrackTable table = ConntrackTable.Open(netns);
                relays.Cut(brought.Router, [.. table.GetFlows().Where(brought.Has)], areForgotten: true);
            }
        }
    }

    /// <summary>
    /// Ends in their routers, with either datapath, the flows that were cut since this last succeeded. To be called once the netns of
    /// Services has them no more. A router to which no cable leads any more does so itself.
    /// </summary>
    /// <param name="services">That netns, to ask.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused; some may be left, until the next call.</exception>
    internal void End(RouteNetlink services)
    {
        if (_cut.Count == 0)
        {
            return;
        }

        foreach (Brought brought in ByRouter(_cut, services))
        {
            using NetworkNamespace? netns = brought.TryOpenNetns(services);
            if (netns is not null && FlowSweep.Run(netns, flow => !brought.Has(flow), (entries, areForgotten) => relays.Cut(brought.Router, entries, areForgotten)))
            {
                using RouteNetlink route = RouteNetlink.Open(netns);
                route.DropUnresolvedNeighbours();
            }
        }

        _cut.Clear();
    }

    private static IEnumerable<Brought> ByRouter(IEnumerable<ConntrackTuple> replies, RouteNetlink services)
    {
        Dictionary<string, RouterKey> routers = [];
        foreach (string name in NetworkNamespace.List())
        {
            if (RouterNames.TryParseNetns(name, out RouterKey key))
            {
                routers[RouterNames.NodeLink(key)] = key;
            }
        }

        IReadOnlyList<Route> routes = services.GetRoutes(RouteTable.Main);
        foreach (IGrouping<IPAddress, ConntrackTuple> brought in replies.GroupBy(reply => reply.Source))
        {
            if (routes.FirstOrDefault(route => route.Gateway is null && route.Destination.BaseAddress.Equals(brought.Key)) is { OutputLinkIndex: { } index }
                && services.GetLink(index) is { } cable
                && routers.TryGetValue(cable.Name, out RouterKey router))
            {
                yield return new Brought(router, cable, [.. brought.Select(DialledFlow.OfReply).OfType<DialledFlow>()]);
            }
        }
    }

    private sealed record Brought(RouterKey Router, Link Cable, HashSet<DialledFlow> Flows)
    {
        // Another netns may have the name by now than that to which the cable leads.
        internal NetworkNamespace? TryOpenNetns(RouteNetlink services)
        {
            NetworkNamespace? netns = NetworkNamespace.TryOpen(RouterNames.Netns(Router));
            try
            {
                if (netns is not null && services.GetNetnsId(netns) is { } id && id == Cable.ParentNetnsId)
                {
                    return netns;
                }
            }
            catch
            {
                netns?.Dispose();
                throw;
            }

            netns?.Dispose();
            return null;
        }

        // As the router's netns has it.
        internal bool Has(ConntrackEntry flow) =>
            flow.Mark == PacketMarks.ByService && DialledFlow.OfOriginal(flow.Original) is { } dialled && Flows.Contains(dialled);
    }
}
