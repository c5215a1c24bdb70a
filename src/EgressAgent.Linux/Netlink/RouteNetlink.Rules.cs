using System.Net.Sockets;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Rules;
using static EgressAgent.Linux.Interop.Uapi.FibRulesH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>The rules of one family or of both, in the order in which they are tried.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<PolicyRule> GetRules(AddressFamily family = AddressFamily.Unspecified)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETRULE, NLM_F_DUMP);
        request.Write(new FibRuleHdr { family = KernelAddress.FamilyOf(family) });
        return Dump<PolicyRule>(request.Finish(), RuleMessage.Read, "rules");
    }

    /// <returns>False when the same rule is there already.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool AddRule(PolicyRule rule)
    {
        NetlinkWriter request = BeginRule(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
        return Add(request.Finish(), "add rule", rule.ToString());
    }

    /// <summary>Removes the first rule that agrees with this one in all that this one says.</summary>
    /// <returns>False when there was none.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool RemoveRule(PolicyRule rule)
    {
        NetlinkWriter request = BeginRule(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELRULE, 0, rule);
        return Remove(request.Finish(), "remove rule", rule.ToString());
    }

    private static NetlinkWriter BeginRule(Span<byte> buffer, ushort type, int flags, PolicyRule rule)
    {
        var request = new NetlinkWriter(buffer, type, (ushort)(NLM_F_ACK | flags));
        request.Write(new FibRuleHdr
        {
            family = KernelAddress.FamilyOf(rule.Family),
            src_len = (byte)(rule.Source?.PrefixLength ?? 0),
            dst_len = (byte)(rule.Destination?.PrefixLength ?? 0),
            table = rule.Table <= byte.MaxValue ? (byte)rule.Table : RT_TABLE_COMPAT,
            action = (byte)rule.Action,
        });
        request.WriteUInt32(FRA_PRIORITY, rule.Priority);
        request.WriteByte(FRA_PROTOCOL, (byte)rule.Protocol);
        if (rule.Table != 0)
        {
            request.WriteUInt32(FRA_TABLE, rule.Table);
        }

        if (rule.InputLinkName is not null)
        {
            request.WriteString(FRA_IIFNAME, rule.InputLinkName);
        }

        if (rule.OutputLinkName is not null)
        {
            request.WriteString(FRA_OIFNAME, rule.OutputLinkName);
        }

        if (rule.MarkMask != 0)
        {
            request.WriteUInt32(FRA_FWMARK, rule.Mark);
            request.WriteUInt32(FRA_FWMASK, rule.MarkMask);
        }

        if (rule.Source is { } source)
        {
            request.WriteAddress(FRA_SRC, source.BaseAddress);
        }

        if (rule.Destination is { } destination)
        {
            request.WriteAddress(FRA_DST, destination.BaseAddress);
        }

        return request;
    }
}
