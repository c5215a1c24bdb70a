using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Text;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>Hands out inside addresses and hardware addresses. Pure: what is taken comes in, what is given goes out.</summary>
public static class InsideAddressAllocator
{
    /// <summary>The first address of an inside network, which the node has on every outer veth end.</summary>
    public static IPAddress NodeAddress(IPNetwork network) => Add(network.BaseAddress, 1);

    /// <summary>The lowest free address of a network; null when all are taken.</summary>
    /// <param name="network">The inside network. Its base, its first and (IPv4) its last address are never handed out.</param>
    /// <param name="taken">The addresses of other routers.</param>
    public static InterfaceAddress? Allocate(IPNetwork network, IReadOnlySet<IPAddress> taken)
    {
        int hostBits = network.BaseAddress.MaxPrefixLength - network.PrefixLength;
        uint last = hostBits >= 31 ? int.MaxValue : (1u << hostBits) - 1;
        uint end = network.BaseAddress.IsIPv4 && last > 0 ? last - 1 : last;
        for (uint host = 2; host <= end; host++)
        {
            IPAddress candidate = Add(network.BaseAddress, host);
            if (!taken.Contains(candidate))
            {
                return new InterfaceAddress(candidate, network.PrefixLength);
            }
        }

        return null;
    }

    /// <summary>
    /// A unicast, locally administered address that is the same for the same machine and router, so that switches and
    /// neighbours keep what they learned when a router is rebuilt.
    /// </summary>
    public static PhysicalAddress DeriveMac(string machineId, RouterKey key)
    {
        byte[] mac = SHA256.HashData(Encoding.UTF8.GetBytes($"{machineId} {key}"))[..6];
        mac[0] = (byte)((mac[0] & 0xfc) | 0x02);
        return new PhysicalAddress(mac);
    }

    private static IPAddress Add(IPAddress address, uint offset)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int i = bytes.Length - 1; offset > 0 && i >= 0; i--)
        {
            uint sum = bytes[i] + (offset & 0xff);
            bytes[i] = (byte)sum;
            offset = (offset >> 8) + (sum >> 8);
        }

        return new IPAddress(bytes);
    }
}
