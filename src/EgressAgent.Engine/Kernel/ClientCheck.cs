using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// One look at the ways to routers: what the kernel would do with a client's packet, and with the answer. What cannot be judged for sure
/// is no obstacle. Not thread-safe.
/// </summary>
/// <param name="netns">The node's namespace.</param>
/// <param name="route">The same, to ask.</param>
/// <param name="node">The node as it is now.</param>
/// <param name="linkIndexes">All its links, by name.</param>
/// <param name="filter">Its firewall.</param>
internal sealed class ClientCheck(NetworkNamespace netns, RouteNetlink route, ObservedNode node, IReadOnlyDictionary<string, int> linkIndexes, ForwardFilter filter)
{
    private readonly Lazy<Dictionary<int, string>> _names = new(() => linkIndexes.GroupBy(item => item.Value).ToDictionary(group => group.Key, group => group.First().Key));
    private readonly ClientSamples _samples = new(route, node);
    private readonly RouteOrigins _origins = new(route, node);
    private readonly Dictionary<string, string?> _settings = new(StringComparer.Ordinal);

    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ValueList<ClientObstacle> Find(ClientWays ways, ILookup<IPAddress, IPAddress> services)
    {
        List<ClientObstacle> found = [];
        foreach (IPAddress inside in ways.Inside)
        {
            Find(ways, inside, ways.NodeLink, found);
            foreach (IPAddress service in services[inside])
            {
                Find(ways, service, ServiceNames.NodeLink, found);
            }
        }

        return [.. found];
    }

    private void Find(ClientWays ways, IPAddress address, string nodeLink, List<ClientObstacle> found)
    {
        // Without its link the router is about to be repaired.
        if (!linkIndexes.TryGetValue(nodeLink, out int index))
        {
            return;
        }

        IPAddress? own = ways.Node.FirstOrDefault(own => own.AddressFamily == address.AddressFamily);
        if (ways.IsForNode && own is not null && FindElsewhere(ways, address, nodeLink, index, own) is { } obstacle)
        {
            found.Add(obstacle);
            return;
        }

        foreach (ClientSample client in _samples.Of(ways.Clients, address.AddressFamily))
        {
            RouteAnswer there = route.FindRoute(ways.To(address) with { Source = client.Address, InputLinkIndex = client.LinkIndex });
            if ((FindElsewhere(ways, address, nodeLink, index, client, there) ?? FindRefusal(ways, address, nodeLink, index, client, there)
                    ?? filter.FindDrop(ways, address, nodeLink, client) ?? filter.FindMasquerade(ways, address, NetworkOf(ways, address), nodeLink, client)) is { } other
                && !found.Any(known => (known.Reason, known.Subject) == (other.Reason, other.Subject)))
            {
                found.Add(other with { IsExpected = ways.Clients is not null });
            }
        }
    }

    // The way of the node's own packets. The route gives the source, which may lead them another way then.
    private ClientObstacle? FindElsewhere(ClientWays ways, IPAddress address, string nodeLink, int linkIndex, IPAddress own)
    {
        RouteAnswer answer = route.FindRoute(ways.To(address));
        if (LeadsTo(linkIndex, answer))
        {
            answer = route.FindRoute(ways.To(address) with { Source = own });
        }

        return LeadsTo(linkIndex, answer) || MayMark(ways, address, nodeLink, own, null) ? null : ElsewhereObstacle(ways, address, answer, "");
    }

    private ClientObstacle? FindElsewhere(ClientWays ways, IPAddress address, string nodeLink, int linkIndex, ClientSample client, RouteAnswer there) =>
        LeadsTo(linkIndex, there) || MayMark(ways, address, nodeLink, client.Address, client.LinkName) ? null : ElsewhereObstacle(ways, address, there, $" of {client}");

    // With a mark it may be led another way than the kernel says of one without.
    private bool MayMark(ClientWays ways, IPAddress address, string nodeLink, IPAddress source, string? inputLink) =>
        _origins.AskForMarks(address.AddressFamily) && filter.MayMark(ways, address, nodeLink, source, inputLink);

    private static bool LeadsTo(int linkIndex, RouteAnswer answer) => answer.Route is { Type: RouteType.Unicast, OutputLinkIndex: { } output } && output == linkIndex;

    // The way through the node, there and back.
    private ClientObstacle? FindRefusal(ClientWays ways, IPAddress address, string nodeLink, int linkIndex, ClientSample client, RouteAnswer there)
    {
        if (!address.IsIPv4)
        {
            // A link of IPv6 has a switch of its own since Linux 6.17, beside that of all.
            return IsOff("net/ipv6/conf/all/forwarding") && IsOff($"net/ipv6/conf/{client.LinkName}/force_forwarding")
                ? ForwardingObstacle("net/ipv6/conf/all/forwarding", client, address)
                : null;
        }

        if (there.Errno == Errno.EHOSTUNREACH && IsOff($"net/ipv4/conf/{client.LinkName}/forwarding"))
        {
            return ForwardingObstacle(IsOff("net/ipv4/ip_forward") ? "net/ipv4/ip_forward" : $"net/ipv4/conf/{client.LinkName}/forwarding", client, address);
        }

        RouteAnswer back = route.FindRoute(ways.From(address, linkIndex, client.Address));
        return back.Errno == Errno.EHOSTUNREACH && IsOff($"net/ipv4/conf/{nodeLink}/forwarding")
            ? ForwardingObstacle($"net/ipv4/conf/{nodeLink}/forwarding", client, address)
            : FindReversePath(client, there, back);
    }

    // The strict filter drops what does not come in by the link by which the answer goes out: that of answers is no other than the way
    // of packets. The kernel says so by EXDEV or EINVAL, as it is old or new, and takes the larger of the two settings.
    private ClientObstacle? FindReversePath(ClientSample client, RouteAnswer there, RouteAnswer back)
    {
        if (there.Errno.IsSuccess
            || back.Route is not { Type: RouteType.Unicast, OutputLinkIndex: { } other } || other == client.LinkIndex)
        {
            return null;
        }

        string[] keys = [$"net/ipv4/conf/{client.LinkName}/rp_filter", "net/ipv4/conf/all/rp_filter"];
        return keys.Select(Setting).Max(StringComparer.Ordinal) != "1" ? null : new ClientObstacle(
            PlanReasons.ReversePathFilter,
            client.ToString(),
            $"the node's reverse path filter drops packets of {client}, since answers to {client.Address} go by {NameOf(other)} ({Show(keys.First(key => Setting(key) == "1"))}=1); "
                + "make it a loose one, for the next boot by a file in /etc/sysctl.d",
            $"sysctl -w {Show(keys[0])}=2",
            IsExpected: true);
    }

    private ClientObstacle? ElsewhereObstacle(ClientWays ways, IPAddress address, RouteAnswer answer, string who)
    {
        RouteOrigin? origin = answer.Route is { } other ? _origins.Explain(other, NameOf) : _origins.ExplainRefusal(address, NameOf);
        return origin is null ? null : new ClientObstacle(
            PlanReasons.RoutedElsewhere,
            address.ToString(),
            $"the node leads packets{who} to {address} elsewhere ({origin.Text}), so that they do not reach the router",
            origin.CommandFor(NetworkOf(ways, address)),
            IsExpected: true);
    }

    // The network of Services is not an inside one.
    private static IPNetwork NetworkOf(ClientWays ways, IPAddress address) =>
        ways.Networks.FirstOrDefault(network => network.Contains(address), address.ToNetwork(address.MaxPrefixLength));

    private static ClientObstacle ForwardingObstacle(string key, ClientSample client, IPAddress address) => new(
        PlanReasons.ForwardingOff,
        key,
        $"the node does not forward {address.FamilyName} packets of {client} ({Show(key)}=0); let it do so, for the next boot by a file in /etc/sysctl.d",
        $"sysctl -w {Show(key)}=1",
        IsExpected: true);

    // What the kernel does not have is off.
    private bool IsOff(string key) => Setting(key) is null or "0";

    private string? Setting(string key)
    {
        if (!_settings.TryGetValue(key, out string? value))
        {
            _settings.Add(key, value = Sysctl.Get(netns, key));
        }

        return value;
    }

    // A name with a dot in it would be read as two.
    private static string Show(string key) => key.Contains('.') ? key : key.Replace('/', '.');

    private string NameOf(int index) => _names.Value.GetValueOrDefault(index, $"interface {index}");
}
