namespace EgressAgent.Linux.Netlink.Rules;

/// <summary>What a policy rule does with what it matches; FR_ACT_* of linux/fib_rules.h.</summary>
public enum RuleAction : byte
{
    Unspecified = 0,

    /// <summary>Looks the route up in a table.</summary>
    Lookup = 1,

    /// <summary>Jumps to another rule.</summary>
    GoTo = 2,
    Nop = 3,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
}
