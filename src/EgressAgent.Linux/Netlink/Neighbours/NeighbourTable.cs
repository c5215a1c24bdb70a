using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NeighbourH;

namespace EgressAgent.Linux.Netlink.Neighbours;

/// <summary>The kernel's table of the neighbours of one family. All network namespaces share it.</summary>
/// <param name="Family">IPv4 (ARP) or IPv6 (ND).</param>
/// <param name="Entries">How many it has.</param>
/// <param name="Limit">How many it takes: <c>net.ipv4.neigh.default.gc_thresh3</c>, or that of IPv6.</param>
/// <param name="Refused">How many new entries it has refused since the machine was started.</param>
public sealed record NeighbourTable(AddressFamily Family, uint Entries, uint Limit, ulong Refused)
{
    /// <summary>Reads RTM_NEWNEIGHTBL. Null for the messages with settings of single links, and for other families.</summary>
    internal static NeighbourTable? Read(ref NetlinkReader reader)
    {
        NdtMsg header = reader.Read<NdtMsg>();
        uint? entries = null;
        uint limit = 0;
        ulong refused = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NDTA_CONFIG when reader.Value.Length >= NDTC_ENTRIES + sizeof(uint):
                    entries = MemoryMarshal.Read<uint>(reader.Value[NDTC_ENTRIES..]);
                    break;
                case NDTA_THRESH3:
                    limit = reader.GetUInt32();
                    break;

                // A kernel before 4.3 does not count them.
                case NDTA_STATS when reader.Value.Length >= NDTS_TABLE_FULLS + sizeof(ulong):
                    refused = MemoryMarshal.Read<ulong>(reader.Value[NDTS_TABLE_FULLS..]);
                    break;
            }
        }

        return entries is { } count && KernelAddress.IsIp(header.ndtm_family)
            ? new NeighbourTable(KernelAddress.Any(header.ndtm_family).AddressFamily, count, limit, refused)
            : null;
    }
}
