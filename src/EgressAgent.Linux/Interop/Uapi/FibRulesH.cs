namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/fib_rules.h.</summary>
internal static class FibRulesH
{
    internal const ushort FRA_DST = 1;
    internal const ushort FRA_SRC = 2;
    internal const ushort FRA_IIFNAME = 3;
    internal const ushort FRA_PRIORITY = 6;
    internal const ushort FRA_FWMARK = 10;
    internal const ushort FRA_TABLE = 15;
    internal const ushort FRA_FWMASK = 16;
    internal const ushort FRA_OIFNAME = 17;
    internal const ushort FRA_PROTOCOL = 21;
}

/// <summary><c>struct fib_rule_hdr</c> of linux/fib_rules.h.</summary>
internal struct FibRuleHdr
{
    internal byte family;
    internal byte dst_len;
    internal byte src_len;
    internal byte tos;
    internal byte table;
    internal byte res1;
    internal byte res2;
    internal byte action;
    internal uint flags;
}
