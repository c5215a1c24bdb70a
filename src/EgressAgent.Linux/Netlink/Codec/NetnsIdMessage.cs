using EgressAgent.Linux.Interop.Uapi;
using static EgressAgent.Linux.Interop.Uapi.NetNamespaceH;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>RTM_NEWNSID and RTM_DELNSID.</summary>
/// <param name="Id">By which the namespace of the socket knows another one; null where it does not.</param>
internal sealed record NetnsIdMessage(int? Id)
{
    public static NetnsIdMessage Read(ref NetlinkReader reader)
    {
        reader.Read<RtGenMsg>();
        int id = NETNSA_NSID_NOT_ASSIGNED;
        while (reader.MoveNext())
        {
            if (reader.Type == NETNSA_NSID)
            {
                id = reader.GetInt32();
            }
        }

        return new NetnsIdMessage(id == NETNSA_NSID_NOT_ASSIGNED ? null : id);
    }
}
