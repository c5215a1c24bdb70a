using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>Warns of Services that lead nowhere: to no router, to routers of other families, or to a port that no router takes.</summary>
public static class ServiceSelections
{
    /// <param name="files">As parsed, for the places.</param>
    /// <param name="catalog">What would run.</param>
    /// <param name="configuration">The agent's settings, or what is known of them.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<RouterFile> files, ResourceCatalog catalog, AgentConfiguration configuration)
    {
        EgressRouterResource[] routers = [.. catalog.Entries.Select(entry => entry.Resource).OfType<EgressRouterResource>()];
        return files.SelectMany(file => file.Documents)
            .Where(document => document.Resource is ServiceResource)
            .SelectMany(document => Find((ServiceResource)document.Resource!, document.Marks!.Service, routers, configuration));
    }

    private static IEnumerable<Diagnostic> Find(ServiceResource service, ServiceMarks marks, EgressRouterResource[] routers, AgentConfiguration configuration)
    {
        EgressRouterResource[] selected = [.. routers.Where(router => service.Selects(router.Key, router.Labels))];
        if (selected.Length == 0)
        {
            yield return Warning(marks.Selector, service.Spec.Selector.Count == 0
                ? "is not given, so the Service has no router and rejects everything"
                : $"selects none of the routers of the namespace {service.Id.Namespace} that are here{Hint(service, routers)}; without one the Service rejects everything");
            yield break;
        }

        foreach (ServicePortSpec port in service.Spec.Ports)
        {
            if (!selected.Any(router => Takes(router.Spec, port)))
            {
                yield return Warning(
                    marks.Ports.FirstOrDefault(place => place.Port == port)?.Place ?? marks.Selector,
                    $"{port.Protocol} port {port.TargetPort} has neither a rule nor a fallback at {string.Join(" or ", selected.Select(router => router.Key))}, so connections are rejected there");
            }
        }

        RouterKey[] open = [.. selected.Where(router => router.Spec.Clients is null && configuration.Clients is null).Select(router => router.Key)];
        if (open.Length > 0)
        {
            foreach ((IPAddress address, MarkedValue place) in service.Spec.ExternalAddresses.Zip(marks.External))
            {
                yield return Warning(
                    place,
                    $"every machine that reaches {address} may use {string.Join(" and ", open)}, which {(open.Length == 1 ? "does" : "do")} not say who may: "
                        + $"set {RouterAnnotations.Clients} there, or clients in agentd.yaml");
            }
        }
    }

    private static bool Takes(EgressRouterSpec router, ServicePortSpec port) =>
        router.FallbackIP is not null || router.Rules.Any(rule => rule.Protocol == port.Protocol && rule.Port == port.TargetPort);

    private static string Hint(ServiceResource service, EgressRouterResource[] routers) =>
        routers.FirstOrDefault(router => service.Spec.Selects(router.Labels)) is { } elsewhere ? $" ({elsewhere.Key} has the labels, in another namespace)" : "";

    private static Diagnostic Warning(MarkedValue place, string message) => new(place.Location, place.Field, message, DiagnosticSeverity.Warning);
}
