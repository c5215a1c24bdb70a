using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>A client behind the node that stands for those of its network.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Network">The network.</param>
/// <param name="LinkIndex">The link by which the node reaches it, and it the node.</param>
/// <param name="LinkName">That link's name.</param>
internal sealed record ClientSample(IPAddress Address, IPNetwork Network, int LinkIndex, string LinkName)
{
    public override string ToString() => $"{(Network.PrefixLength == Address.MaxPrefixLength ? Address.ToString() : Network.ToString())} on {LinkName}";
}

/// <summary>Clients behind the node for whom the kernel is asked. Not thread-safe.</summary>
internal sealed class ClientSamples(RouteNetlink route, ObservedNode node)
{
    // Each costs some questions for each router.
    private const int Most = 8;

    private readonly Dictionary<AddressFamily, ValueList<ClientSample>> _neighbours = [];
    private readonly Dictionary<IPNetwork, ValueList<ClientSample>> _ofNetworks = [];
    private readonly HashSet<IPAddress> _own = [.. node.Links.SelectMany(link => link.Addresses).Select(address => address.Address)];

    /// <summary>Those that stand for the clients of a router. The node itself is none.</summary>
    /// <param name="clients">Who may use the router; null when everyone may, which stands for the networks next to the node.</param>
    /// <param name="family">Of which family.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal IEnumerable<ClientSample> Of(ValueList<IPNetwork>? clients, AddressFamily family) => clients is null
        ? Neighbours(family)
        : clients.Where(network => network.BaseAddress.AddressFamily == family).SelectMany(OfNetwork).Distinct().Take(Most);

    private ValueList<ClientSample> OfNetwork(IPNetwork network)
    {
        if (!_ofNetworks.TryGetValue(network, out ValueList<ClientSample>? found))
        {
            found = [.. Neighbours(network.BaseAddress.AddressFamily)
                .Where(near => near.Network.PrefixLength >= network.PrefixLength && network.Contains(near.Network.BaseAddress))];
            if (found.Count == 0 && PickHost(network) is { } address && LinkTo(address) is { } link)
            {
                found = [new ClientSample(address, network, link.Index, link.Name)];
            }

            _ofNetworks.Add(network, found);
        }

        return found;
    }

    private ValueList<ClientSample> Neighbours(AddressFamily family)
    {
        if (!_neighbours.TryGetValue(family, out ValueList<ClientSample>? found))
        {
            found =
            [
                .. (from near in node.Routes
                    where near is { Table: RouteEntry.MainTable, IsDefault: false } && near.Destination.BaseAddress.AddressFamily == family
                    where !near.Destination.BaseAddress.IsIPv6LinkLocal && !near.Destination.BaseAddress.IsIPv6Multicast
                    let link = node.Links.FirstOrDefault(link => link.Index == near.LinkIndex)
                    where link is { IsUp: true, HasCarrier: true }
                    let address = PickHost(near.Destination)
                    where address is not null
                    select new ClientSample(address, near.Destination, link.Index, link.Name)).Distinct().Take(Most),
            ];
            _neighbours.Add(family, found);
        }

        return found;
    }

    private NodeLink? LinkTo(IPAddress address) => route.FindRoute(new RouteQuestion(address)).Route is { Type: RouteType.Unicast, OutputLinkIndex: { } index }
        ? node.Links.FirstOrDefault(link => link.Index == index)
        : null;

    // The first host that is not the node.
    private IPAddress? PickHost(IPNetwork network)
    {
        byte[] bytes = network.BaseAddress.GetAddressBytes();
        int first = network.PrefixLength >= (bytes.Length * 8) - 1 ? 0 : 1;
        int last = Math.Min(network.PrefixLength == bytes.Length * 8 ? 0 : first + 2, (1 << Math.Min(bytes.Length * 8 - network.PrefixLength, 8)) - 1);
        byte low = bytes[^1];
        for (int host = first; host <= last; host++)
        {
            bytes[^1] = (byte)(low + host);
            IPAddress address = new(bytes);
            if (!_own.Contains(address))
            {
                return address;
            }
        }

        return null;
    }
}
