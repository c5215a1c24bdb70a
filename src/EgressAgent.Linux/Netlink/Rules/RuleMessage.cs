using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Routes;
using static EgressAgent.Linux.Interop.Uapi.FibRulesH;

namespace EgressAgent.Linux.Netlink.Rules;

/// <summary>Reads RTM_NEWRULE and RTM_DELRULE.</summary>
internal static class RuleMessage
{
    /// <summary>Null for families other than IPv4 and IPv6.</summary>
    public static PolicyRule? Read(ref NetlinkReader reader)
    {
        FibRuleHdr header = reader.Read<FibRuleHdr>();
        if (!KernelAddress.IsIp(header.family))
        {
            return null;
        }

        uint priority = 0;
        uint table = header.table;
        uint mark = 0;
        uint mask = 0;
        string? input = null;
        string? output = null;
        IPAddress? source = null;
        IPAddress? destination = null;
        byte protocol = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case FRA_PRIORITY:
                    priority = reader.GetUInt32();
                    break;
                case FRA_TABLE:
                    table = reader.GetUInt32();
                    break;
                case FRA_FWMARK:
                    mark = reader.GetUInt32();
                    break;
                case FRA_FWMASK:
                    mask = reader.GetUInt32();
                    break;
                case FRA_IIFNAME:
                    input = reader.GetString();
                    break;
                case FRA_OIFNAME:
                    output = reader.GetString();
                    break;
                case FRA_SRC:
                    source = reader.GetAddress();
                    break;
                case FRA_DST:
                    destination = reader.GetAddress();
                    break;
                case FRA_PROTOCOL:
                    protocol = reader.GetByte();
                    break;
            }
        }

        return new PolicyRule(header.family == LibC.AF_INET6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, priority)
        {
            Action = (RuleAction)header.action,
            Table = table,
            InputLinkName = input,
            OutputLinkName = output,
            Mark = mark,
            MarkMask = mask,
            Source = source is null ? null : KernelAddress.ReadNetwork(ref reader, source, header.src_len),
            Destination = destination is null ? null : KernelAddress.ReadNetwork(ref reader, destination, header.dst_len),
            Protocol = (RouteProtocol)protocol,
        };
    }
}
