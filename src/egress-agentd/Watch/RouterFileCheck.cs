using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>What is wrong with a set of router files, in themselves and with each other.</summary>
/// <param name="Files">How many files were read.</param>
/// <param name="Current">The routers that they describe without a fault, and the file of each.</param>
/// <param name="Services">How many Services they describe without a fault.</param>
/// <param name="Findings">By file, then by place.</param>
/// <param name="Missing">The paths that are not there.</param>
internal sealed record RouterFileCheck(
    int Files,
    IReadOnlyList<(RouterKey Key, string File)> Current,
    int Services,
    IReadOnlyList<Diagnostic> Findings,
    IReadOnlyList<string> Missing)
{
    internal int Routers => Current.Count;

    internal bool IsValid => Findings.All(finding => finding.Severity != DiagnosticSeverity.Error);

    /// <summary>Reads and checks; nothing that is in the way makes it throw.</summary>
    /// <param name="targets">Files, whatever their names, and directories, of which the router files are taken.</param>
    /// <param name="agent">Whose files they are.</param>
    internal static RouterFileCheck Run(IEnumerable<string> targets, CheckedAgent agent)
    {
        CheckTargets found = CheckTargets.Find(targets);
        List<Diagnostic> findings = [.. found.Findings];
        List<RouterFile> files = [];
        AgentConfiguration? configuration = null;
        foreach (CheckTarget target in found.Files)
        {
            if (!target.IsOfADirectory && AgentSettingsFile.TryRead(target.Path, agent.ConfigurationPath) is { } settings)
            {
                findings.AddRange(settings.Diagnostics);
                configuration ??= settings.Configuration;
            }
            else
            {
                files.Add(RouterFileReader.Read(target.Path, out _, asksWhoMayWrite: agent.Reads(target.Path)));
            }
        }

        configuration ??= agent.ReadConfiguration();
        ResourceCatalog catalog = ResourceCatalog.Merge(files, FindInForce(files, agent), configuration);
        findings.AddRange(files.SelectMany(file => file.AllDiagnostics));
        findings.AddRange(catalog.Conflicts);
        findings.AddRange(RarelyMeant.Find(files, configuration ?? AgentConfiguration.Default, agent.ForwardingSwitch));
        findings.AddRange(NodeAddresses.Find(files, agent.NodeAddresses));
        findings.AddRange(AddressCollisions.Find(catalog.Entries, configuration ?? AgentConfiguration.Default));
        findings.AddRange(ServiceSelections.Find(files, catalog, configuration ?? AgentConfiguration.Default));
        findings.AddRange(NodeRoom.Find(catalog.Entries.Select(entry => entry.Resource).OfType<EgressRouterResource>(), agent.Tables));
        ResourceCatalogEntry[] current = [.. catalog.Entries.Where(entry => entry.IsCurrent)];
        return new RouterFileCheck(
            found.Files.Count,
            [.. current.Where(entry => entry.Key.Router is not null).Select(entry => (entry.Key.Router!.Value, entry.Source.File))],
            current.Count(entry => entry.Key.Kind == ResourceKind.Service),
            [
                .. findings.Distinct()
                    .OrderBy(finding => finding.Location.File, StringComparer.Ordinal)
                    .ThenBy(finding => finding.Location.Line)
                    .ThenBy(finding => finding.Location.Column),
            ],
            found.Missing);
    }

    // Of two documents that cannot both be in force the agent keeps the one that it has.
    private static Dictionary<ResourceKey, IResource> FindInForce(List<RouterFile> files, CheckedAgent agent)
    {
        Dictionary<ResourceKey, IResource> inForce = [];
        foreach (EgressRouterResource router in files.SelectMany(file => file.Documents).Select(document => document.Router).OfType<EgressRouterResource>())
        {
            if (agent.RunningFiles.TryGetValue(router.Key, out string? file) && file == Path.GetFullPath(router.Source.File))
            {
                inForce.TryAdd(router.Key, router);
            }
        }

        return inForce;
    }
}
