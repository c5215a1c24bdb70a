using System.Net;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Routes;
using static EgressAgent.Linux.Interop.Uapi.IfAddrH;

namespace EgressAgent.Linux.Netlink.Addresses;

/// <summary>Reads RTM_NEWADDR and RTM_DELADDR.</summary>
internal static class AddressMessage
{
    /// <summary>Null for families other than IPv4 and IPv6.</summary>
    public static LinkAddress? Read(ref NetlinkReader reader)
    {
        IfAddrMsg header = reader.Read<IfAddrMsg>();
        uint flags = header.ifa_flags;
        IPAddress? local = null;
        IPAddress? prefix = null;
        string? label = null;
        byte protocol = 0;
        if (!KernelAddress.IsIp(header.ifa_family))
        {
            return null;
        }

        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case IFA_LOCAL:
                    local = reader.GetAddress();
                    break;
                case IFA_ADDRESS:
                    prefix = reader.GetAddress();
                    break;
                case IFA_LABEL:
                    label = reader.GetString();
                    break;
                case IFA_PROTO:
                    protocol = reader.GetByte();
                    break;
                case IFA_FLAGS:
                    flags = reader.GetUInt32();
                    break;
            }
        }

        // IFA_ADDRESS is the other end of a point-to-point link where IFA_LOCAL is there too.
        if ((local ?? prefix) is not { } address)
        {
            reader.Fail("an address message without an address");
            return null;
        }

        return new LinkAddress(header.ifa_index, address, header.ifa_prefixlen)
        {
            Scope = (RouteScope)header.ifa_scope,
            Flags = (AddressFlags)flags,
            Label = label,
            Protocol = protocol,
        };
    }
}
