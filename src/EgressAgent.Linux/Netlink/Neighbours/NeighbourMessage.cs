using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NeighbourH;

namespace EgressAgent.Linux.Netlink.Neighbours;

/// <summary>Reads RTM_NEWNEIGH and RTM_DELNEIGH.</summary>
internal static class NeighbourMessage
{
    /// <summary>Null for a bridge's forwarding table, which comes as neighbours of another family.</summary>
    public static Neighbour? Read(ref NetlinkReader reader)
    {
        NdMsg header = reader.Read<NdMsg>();
        if (!KernelAddress.IsIp(header.ndm_family))
        {
            return null;
        }

        IPAddress? address = null;
        PhysicalAddress? mac = null;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NDA_DST:
                    address = reader.GetAddress();
                    break;
                case NDA_LLADDR:
                    mac = reader.GetMac();
                    break;
            }
        }

        if (address is null)
        {
            reader.Fail("a neighbour message without an address");
            return null;
        }

        return new Neighbour(header.ndm_ifindex, address) { MacAddress = mac, State = (NeighbourState)header.ndm_state };
    }
}
