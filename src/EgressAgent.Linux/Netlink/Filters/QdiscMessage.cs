using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.PktSchedH;

namespace EgressAgent.Linux.Netlink.Filters;

/// <summary>Reads RTM_NEWQDISC.</summary>
/// <param name="Link">The interface index.</param>
/// <param name="Parent">Where it is at the link.</param>
/// <param name="Kind">As <c>tc qdisc show</c> prints it.</param>
internal sealed record QdiscMessage(int Link, uint Parent, string Kind)
{
    public static QdiscMessage Read(ref NetlinkReader reader)
    {
        TcMsg header = reader.Read<TcMsg>();
        string kind = "";
        while (reader.MoveNext())
        {
            if (reader.Type == TCA_KIND)
            {
                kind = reader.GetString();
            }
        }

        return new QdiscMessage(header.tcm_ifindex, header.tcm_parent, kind);
    }
}
