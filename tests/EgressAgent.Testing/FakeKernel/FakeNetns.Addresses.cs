using System.Net;
using EgressAgent.Linux;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.FakeKernel;

public sealed partial class FakeNetns
{
    /// <summary>Adds an address, and with it the route to its network where the link is up.</summary>
    /// <returns>False when the link has it already.</returns>
    public bool AddAddress(string linkName, InterfaceAddress address, bool isDuplicate = false, bool isMarked = false)
    {
        FakeLink link = Link(linkName);
        if (!address.Address.IsIPv4 && link.IsIPv6Disabled)
        {
            throw Refusal("add address", $"{address} on {linkName}", Errno.EACCES, "IPv6 is disabled on this device");
        }

        int present = link.Addresses.FindIndex(entry => entry.Address == address
            || (!address.Address.IsIPv4 && entry.Address.Address.Equals(address.Address)));
        if (present >= 0)
        {
            // The agent's request replaces what is there.
            link.Addresses[present] = link.Addresses[present] with { IsMarked = link.Addresses[present].IsMarked || isMarked };
            return false;
        }

        link.Addresses.Add(new FakeAddress(address, isDuplicate, isMarked));
        if (link.IsUp)
        {
            AddPrefixRoutes(link);
        }

        return true;
    }

    /// <returns>False when the link does not have it.</returns>
    public bool RemoveAddress(string linkName, InterfaceAddress address)
    {
        if (Find(linkName) is not { } link || link.Addresses.Find(entry => entry.Address == address) is not { } found)
        {
            return false;
        }

        bool wasPrimary = IsPrimary(link, found);
        link.Addresses.Remove(found);
        if (address.Address.IsIPv4)
        {
            DropIPv4(link, address, wasPrimary);
        }
        else
        {
            DropIPv6(link, address);
        }

        if (link.IsUp)
        {
            AddPrefixRoutes(link);
        }

        return true;
    }

    public bool HasAddress(IPAddress address) =>
        _links.Any(link => link.Addresses.Any(entry => entry.Address.Address.Equals(address)));

    private static bool IsPrimary(FakeLink link, FakeAddress address) =>
        link.Addresses.First(entry => IsSameSubnet(entry.Address, address.Address)) == address;

    private static bool IsSameSubnet(InterfaceAddress one, InterfaceAddress other) =>
        one.PrefixLength == other.PrefixLength && one.Network.Equals(other.Network);

    private void DropIPv4(FakeLink link, InterfaceAddress address, bool wasPrimary)
    {
        // Without promotion the secondary addresses of a subnet go with the primary one.
        if (wasPrimary && _sysctls["net/ipv4/conf/all/promote_secondaries"] != "1")
        {
            link.Addresses.RemoveAll(entry => IsSameSubnet(entry.Address, address));
        }

        _routes.RemoveAll(route => route.PreferredSource is { } source && !HasAddress(source));

        // With its last address a link loses IPv4, and every route over it.
        if (!link.Addresses.Any(entry => entry.Address.Address.IsIPv4))
        {
            _routes.RemoveAll(route => route.Link == link && route.Destination.BaseAddress.IsIPv4);
        }
    }

    private void DropIPv6(FakeLink link, InterfaceAddress address)
    {
        if (!link.Addresses.Any(entry => IsSameSubnet(entry.Address, address)))
        {
            _routes.RemoveAll(route => route.Link == link && route.IsKernelMade && route.Destination.Equals(address.Network));
        }

        // The route stays, without the source.
        for (int i = 0; i < _routes.Count; i++)
        {
            if (_routes[i].PreferredSource is { IsIPv4: false } source && !HasAddress(source))
            {
                _routes[i] = _routes[i] with { PreferredSource = null };
            }
        }
    }

    // IPv4: one route per subnet, from its primary address, none for a single host. IPv6: one per prefix, without a source.
    private void AddPrefixRoutes(FakeLink link)
    {
        foreach (FakeAddress entry in link.Addresses.Where(entry => IsPrimary(link, entry)))
        {
            InterfaceAddress address = entry.Address;
            bool isIPv4 = address.Address.IsIPv4;
            if ((isIPv4 && address.IsSingleHost)
                || _routes.Any(route => route.Link == link && route.IsKernelMade && route.Destination.Equals(address.Network)))
            {
                continue;
            }

            _routes.Add(new FakeRoute(address.Network, null, link, RouteEntry.MainTable, isIPv4 ? 0 : KernelIPv6Metric)
            {
                PreferredSource = isIPv4 ? address.Address : null,
                IsKernelMade = true,
                IsLinkScope = isIPv4,
            });
        }
    }
}
