namespace EgressAgent.Linux.Interop.Uapi;

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
