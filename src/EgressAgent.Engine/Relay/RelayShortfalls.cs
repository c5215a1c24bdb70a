using EgressAgent.Linux;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>Says what of a plan a relay does not serve.</summary>
internal static class RelayShortfalls
{
    /// <param name="rule">The rule; null for the fallback.</param>
    /// <param name="refusal">What the kernel said when its socket was opened.</param>
    internal static PlanProblem Of(RedirectRuleSpec? rule, LinuxException refusal) => new(
        refusal.Errno == Errno.EADDRINUSE ? PlanReasons.PortInUse
        : IsLimit(refusal.Errno) ? PlanReasons.LimitReached
        : PlanReasons.KernelRefused,
        $"{Subject(rule)} is not served: {refusal.Message}");

    internal static PlanProblem NoSctp(RedirectRuleSpec rule, Errno missing) => new(
        PlanReasons.NotSupportedByDatapath,
        $"{Subject(rule)} is not served: the kernel has no SCTP sockets ({missing.Message}): `modprobe sctp`, or use the kernel datapath, which needs none");

    internal static PlanProblem NoSteering(string unavailable) => new(
        PlanReasons.NotSupportedByDatapath, $"the fallback is not served: it needs sk_lookup (Linux 5.17): {unavailable}");

    private static string Subject(RedirectRuleSpec? rule) => rule is null ? "the fallback" : $"{rule.Port}/{rule.Protocol}";

    /// <summary>Whether something is used up that may be free again.</summary>
    internal static bool IsLimit(Errno errno) =>
        errno == Errno.EMFILE || errno == Errno.ENFILE || errno == Errno.ENOMEM || errno == Errno.ENOBUFS || errno == Errno.ENOSPC;
}
