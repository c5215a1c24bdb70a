using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What is to be said of a Service: who is behind it, and what that means for its clients.</summary>
/// <param name="service">The Service.</param>
/// <param name="routers">Those that it selects, by key.</param>
/// <param name="external">Its external addresses.</param>
/// <param name="problem">Why it could not be put in force; null when it could.</param>
/// <param name="division">That its routers are held by different nodes of a cluster; null when they are not.</param>
internal sealed class ServiceFacts(
    RegisteredService service, ValueList<ServiceRouter> routers, ValueList<ExternalAddress> external, PlanProblem? problem, PlanProblem? division = null)
{
    internal ServiceStatus ToStatus(ServiceStatus? before, DateTimeOffset now)
    {
        ServiceSpec? spec = service.Wanted?.Spec;
        return new ServiceStatus
        {
            Id = service.Id,
            File = service.Source.File,
            Generation = service.Generation,
            ClusterAddresses = [.. service.ClusterAddresses.Select(address => address.Address)],
            ExternalAddresses = external,
            Ports = spec?.Ports ?? [],
            IsByClient = spec?.ClientAffinity is not null,
            Routers = routers,
            Conditions =
            [
                Available().ToCondition(ConditionType.Available, before?.Condition(ConditionType.Available), now),
                new Claim(false, StatusReasons.Settled, "nothing is left to do").ToCondition(ConditionType.Progressing, before?.Condition(ConditionType.Progressing), now),
                Degraded().ToCondition(ConditionType.Degraded, before?.Condition(ConditionType.Degraded), now),
            ],
        };
    }

    private Claim Available()
    {
        if (service.Wanted is not { } wanted)
        {
            return new Claim(false, StatusReasons.InvalidSpec, string.Join("; ", service.Faults));
        }

        if ((problem ?? service.AllocationProblem) is { } why)
        {
            return new Claim(false, why.Reason, why.Message);
        }

        string selector = string.Join(",", wanted.Spec.Selector.Select(label => $"{label.Key}={label.Value}"));
        if (routers.Count == 0)
        {
            return new Claim(false, StatusReasons.NoRouter, wanted.Spec.Selector.Count == 0
                ? "it has no selector, and so no router; clients are rejected"
                : $"the selector {selector} matches no router of the namespace {service.Id.Namespace}; clients are rejected");
        }

        ServiceRouter[] available = [.. routers.Where(router => router.IsAvailable)];
        return available.Length == 0
            ? new Claim(false, StatusReasons.NoRouterAvailable, $"no router behind it is available, so clients are rejected; {selector} matches {Describe(routers)}")
            : new Claim(true, StatusReasons.InForce, $"leads to {string.Join(", ", available.Select(router => router.Key))}{string.Concat(external
                .Where(address => address.Holder is not null).Select(address => $"; {address.Address} is at {address.Holder}"))}");
    }

    private Claim Degraded()
    {
        if (service.Faults.Count > 0)
        {
            return new Claim(true, StatusReasons.InvalidSpec, service.Wanted is null
                ? string.Join("; ", service.Faults)
                : $"the last good spec is kept, because the file is in error: {service.Faults[0]}");
        }

        if (division is not null)
        {
            return new Claim(true, division.Reason, division.Message);
        }

        ServiceRouter[] lost = [.. routers.Where(router => !router.IsAvailable)];
        return lost.Length > 0 ? new Claim(true, StatusReasons.RouterNotAvailable, $"not available: {Describe(lost)}")
            : external.FirstOrDefault(address => address.Problem is not null) is { Problem: { } why } ? new Claim(true, why.Reason, why.Message)
            : external.Where(address => address.Holder is null).ToArray() is { Length: > 0 } unheld && routers.Count > 0
                ? new Claim(true, StatusReasons.ExternalAddressNotHeld, $"no router holds {string.Join(", ", unheld.Select(address => address.Address))} yet")
            : new Claim(false, StatusReasons.AsSpecified, "everything is as the file says");
    }

    private static string Describe(IEnumerable<ServiceRouter> routers) => string.Join(", ", routers.Select(router => $"{router.Key} ({router.State.ToText()})"));
}
