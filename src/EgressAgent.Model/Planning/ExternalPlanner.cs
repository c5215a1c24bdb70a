using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>Which router is to hold which external address.</summary>
/// <param name="Holders">
/// By address; an address that no router behind its Services may hold is not among them. A router claims it only where it belongs
/// (<see cref="ExternalPlaces"/>), and says so where it does not.
/// </param>
/// <param name="Problems">Why a Service is not reached by an address.</param>
public sealed record ExternalPlan(
    IReadOnlyDictionary<IPAddress, RouterKey> Holders, IReadOnlyDictionary<(ResourceKey Service, IPAddress Address), PlanProblem> Problems);

/// <summary>
/// Decides which router holds an external address. A reserved one is at the router that has reserved it, at no other. Else it is, of those
/// behind the Service, at the first available one by name, rather one on whose network it is, and of these rather one whose gateway
/// answers. Services that share one have it at one router. Where none is available a standby is to hold it: as soon as it holds anything.
/// </summary>
public static class ExternalPlanner
{
    /// <param name="services">Those that are to run.</param>
    /// <param name="candidates">All routers.</param>
    /// <param name="holder">Who has an address now; it stays there while no router is available.</param>
    public static ExternalPlan Plan(IEnumerable<ServiceResource> services, IReadOnlyList<ServiceCandidate> candidates, Func<IPAddress, RouterKey?> holder)
    {
        Dictionary<IPAddress, RouterKey> holders = [];
        Dictionary<(ResourceKey, IPAddress), PlanProblem> problems = [];
        Dictionary<IPAddress, RouterKey> owners = [];
        foreach (ServiceCandidate candidate in candidates)
        {
            foreach (IPAddress address in candidate.ReservedAddresses)
            {
                owners.TryAdd(address, candidate.Key);
            }
        }

        foreach (IGrouping<IPAddress, ServiceResource> sharing in
            from service in services
            from address in service.Spec.ExternalAddresses
            orderby service.Id
            group service by address)
        {
            IPAddress address = sharing.Key;
            RouterKey? owner = owners.TryGetValue(address, out RouterKey reserving) ? reserving : null;
            List<(ServiceResource Service, ServiceCandidate[] Routers)> served = [];
            foreach (ServiceResource service in sharing)
            {
                ServiceCandidate[] selected = [.. candidates.Where(candidate => service.Selects(candidate.Key, candidate.Labels))];
                ServiceCandidate[] able = [.. selected.Where(candidate => owner is null
                    ? candidate.ReservedAddresses.Any(own => own.AddressFamily == address.AddressFamily)
                    : candidate.Key == owner)];
                if (able.Length > 0)
                {
                    served.Add((service, able));
                }
                else if (selected.Length > 0)
                {
                    problems.Add((service.Id, address), new PlanProblem(PlanReasons.ExternalAddressElsewhere, owner is null
                        ? $"{address}: no router behind the Service has a reserved {address.FamilyName} address"
                        : $"{address} is a reserved address of the router {owner}, which the selector does not match"));
                }
            }

            if (served.Count == 0)
            {
                continue;
            }

            ServiceCandidate[] common = [.. served[0].Routers.Where(router => served.All(other => other.Routers.Contains(router)))];
            ServiceCandidate[] possible =
            [
                .. (common.Length > 0 ? common : served[0].Routers)
                    .OrderBy(router => !router.Networks.Any(network => network.Contains(address)))
                    .ThenBy(router => router.CutOff.Contains(address.AddressFamily))
                    .ThenBy(router => router.Key),
            ];
            RouterKey? chosen = (possible.FirstOrDefault(router => router.IsAvailable)
                ?? possible.FirstOrDefault(router => router.Key == holder(address))
                ?? possible.FirstOrDefault(router => router.IsStandby))?.Key;
            if (chosen is { } key)
            {
                holders.Add(address, key);
            }

            foreach ((ServiceResource service, _) in served.Where(other => chosen is not null && other.Routers.All(router => router.Key != chosen)))
            {
                problems.Add((service.Id, address), new PlanProblem(
                    PlanReasons.ExternalAddressElsewhere,
                    $"{address} is held by the router {chosen} for {served[0].Service.Id.ShortTitle}, and this Service does not select that router: give it an address of its own"));
            }
        }

        return new ExternalPlan(holders, problems);
    }
}
