using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>Decides whether established flows of a router bypass the chains, through a flowtable of the kernel.</summary>
public static class FlowOffload
{
    /// <summary>Whether it depends on the kernel alone: then that is to be tried.</summary>
    public static bool IsForTheKernel(EgressRouterSpec spec, AgentConfiguration configuration) => IsAskedFor(spec, configuration) && WhyNotOf(spec, configuration) is null;

    /// <summary>Why flows go through the chains although their offload is asked for; null where they do not, or it is not asked for.</summary>
    /// <param name="spec">The router's spec.</param>
    /// <param name="configuration">Decides what the router does not.</param>
    /// <param name="kernel">Why the kernel cannot; null when it can.</param>
    internal static string? WhyNot(EgressRouterSpec spec, AgentConfiguration configuration, string? kernel) =>
        IsAskedFor(spec, configuration) ? WhyNotOf(spec, configuration) ?? kernel : null;

    private static bool IsAskedFor(EgressRouterSpec spec, AgentConfiguration configuration) => (spec.FlowOffload ?? configuration.FlowOffload) == FlowOffloadMode.Auto;

    private static string? WhyNotOf(EgressRouterSpec spec, AgentConfiguration configuration) =>
        (spec.Datapath ?? configuration.Datapath) == DatapathKind.Relay ? "the relay forwards no packets"
        : spec.Failover != FailoverMode.None ? "the router fails over, and what is offloaded would not stop at once when it is silenced"
        : null;
}
