using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads a list of networks from which addresses are given out.</summary>
internal static class NetworkListReader
{
    /// <returns>At least one network, at most one per family; null when a fault was reported.</returns>
    public static ValueList<IPNetwork>? Read(Field field)
    {
        if (field.ReadList("a list of networks, at most one per family") is not { } items)
        {
            return null;
        }

        if (items.Count == 0)
        {
            field.Error("needs at least one network");
            return null;
        }

        List<IPNetwork> networks = [];
        foreach (Field item in items)
        {
            if (ReadNetwork(item) is not { } network)
            {
                continue;
            }

            if (networks.Any(other => other.BaseAddress.AddressFamily == network.BaseAddress.AddressFamily))
            {
                item.Error($"is a second {network.BaseAddress.FamilyName} network; at most one per family is used");
            }

            networks.Add(network);
        }

        return networks.Count == items.Count ? networks.ToValueList() : null;
    }

    /// <summary>Reports networks of the field that share addresses with those of another field.</summary>
    public static void CheckApart(Field field, ValueList<IPNetwork> networks, ValueList<IPNetwork> others, string otherName)
    {
        foreach (IPNetwork network in networks)
        {
            foreach (IPNetwork other in others.Where(other => other.Contains(network.BaseAddress) || network.Contains(other.BaseAddress)))
            {
                field.Error($"{network} overlaps {other} of `{otherName}`");
            }
        }
    }

    private static IPNetwork? ReadNetwork(Field item)
    {
        if (item.ReadText("a network, such as `10.0.0.0/8`") is not { } text)
        {
            return null;
        }

        if (AddressText.ParseNetwork(text, out IPNetwork network) is { } fault)
        {
            item.Error(fault);
            return null;
        }

        (int shortest, int longest) = network.BaseAddress.IsIPv4 ? (8, 30) : (32, 126);
        if (network.PrefixLength < shortest || network.PrefixLength > longest)
        {
            item.Error(
                $"the prefix length must be {shortest} to {longest}, so that there are addresses to give out, not {network.PrefixLength}");
            return null;
        }

        if (HostAddresses.WhyNotUnicast(network.BaseAddress) is { } reason)
        {
            item.Error($"must be a network of hosts; {network.BaseAddress} is {reason}");
            return null;
        }

        return network;
    }
}
