using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Warns of what is allowed, and hardly ever meant. What concerns a Service and the routers behind it is in <see cref="ServiceSelections"/>.</summary>
public static class RarelyMeant
{
    /// <param name="files">As parsed.</param>
    /// <param name="configuration">The agent's settings, or what is known of them.</param>
    /// <param name="forwardingSwitch">The sysctl by which the node forwards for others; null when it does not.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<RouterFile> files, AgentConfiguration configuration, string? forwardingSwitch) =>
        files.SelectMany(file => file.Documents)
            .Where(document => document.Router is not null)
            .SelectMany(document => Find(document, configuration, forwardingSwitch))
            .Concat(PassthruRemarks.Find([.. files.SelectMany(file => file.Documents).Where(document => document.Router is not null)]));

    private static IEnumerable<Diagnostic> Find(RouterDocument document, AgentConfiguration configuration, string? forwardingSwitch)
    {
        EgressRouterSpec spec = document.Router!.Spec;
        ResourceMarks marks = document.Marks!;
        FieldPath redirect = FieldPath.Of(FieldPath.Of(marks.Path, "spec"), "redirect");
        if (forwardingSwitch is not null && spec.Clients is null && configuration.Clients is null)
        {
            FieldPath annotations = FieldPath.Of(FieldPath.Of(marks.Path, "metadata"), "annotations");
            yield return Warning(
                document.Source,
                FieldPath.Of(annotations, RouterAnnotations.Clients),
                $"is not given, and this node forwards ({forwardingSwitch} = 1): any host with a route by way of the node may use the router. "
                    + "Say who may: networks, or `node` for this node and what it masquerades");
        }

        for (int i = 0; i < spec.Rules.Count; i++)
        {
            if (WhyNoPartner(spec.Rules[i].Destination, configuration) is { } reason)
            {
                yield return Warning(
                    marks.Destinations[i], FieldPath.Of(FieldPath.At(FieldPath.Of(redirect, "redirectRules"), i), "destinationIP"), reason);
            }
        }

        if (spec.FallbackIP is { } fallback && WhyNoPartner(fallback, configuration) is { } why)
        {
            yield return Warning(marks.Fallback ?? document.Source, FieldPath.Of(redirect, "fallbackIP"), why);
        }
    }

    private static string? WhyNoPartner(IPAddress destination, AgentConfiguration configuration)
    {
        IPNetwork[] inside = [.. configuration.InsideNetworks.Where(network => network.Contains(destination))];
        IPNetwork[] service = [.. configuration.ServiceNetworks.Where(network => network.Contains(destination))];
        return (inside, service) switch
        {
            ([var network, ..], _) => $"{destination} is in the inside network {network}, where routers are and no partner is",
            (_, [var network, ..]) => $"{destination} is in the network of Services {network}, which lead to routers and to no partner",
            _ => null,
        };
    }

    internal static Diagnostic Warning(SourceLocation location, FieldPath field, string message) =>
        new(location, field.ToString(), message, DiagnosticSeverity.Warning);
}
