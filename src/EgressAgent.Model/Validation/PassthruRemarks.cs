using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Warns of routers that will wait because of passthru mode, as far as files alone tell.</summary>
internal static class PassthruRemarks
{
    internal static IEnumerable<Diagnostic> Find(IReadOnlyList<RouterDocument> documents)
    {
        for (int i = 0; i < documents.Count; i++)
        {
            RouterDocument document = documents[i];
            EgressRouterSpec spec = document.Router!.Spec;
            if (spec is { MacvlanMode: MacvlanMode.Passthru, Master: null, PassthruTakesTheNode: false })
            {
                yield return Warning(
                    document,
                    "is not given, so it is one that has the node's own addresses or default route, which mode `Passthru` would take away from the node: "
                        + $"the router waits. Name another interface, or say that it is meant: {RouterAnnotations.PassthruTakesTheNode}: \"true\"");
            }
            else if (spec.Master is { } master && documents.Take(i).FirstOrDefault(other => Excludes(other.Router!.Spec, spec)) is { } taken)
            {
                yield return Warning(
                    document,
                    $"is `{master}`, as that of the router {taken.Router!.Key} in {taken.Source.File}, line {taken.Source.Line}, "
                        + "and mode `Passthru` means to have it alone: one of the two waits");
            }
        }
    }

    private static bool Excludes(EgressRouterSpec one, EgressRouterSpec other) =>
        one.Master == other.Master && (one.MacvlanMode == MacvlanMode.Passthru || other.MacvlanMode == MacvlanMode.Passthru);

    private static Diagnostic Warning(RouterDocument document, string message)
    {
        FieldPath networkInterface = FieldPath.Of(FieldPath.Of(document.Marks?.Path, "spec"), "networkInterface");
        return RarelyMeant.Warning(document.Source, FieldPath.Of(FieldPath.Of(networkInterface, "macvlan"), "master"), message);
    }
}
