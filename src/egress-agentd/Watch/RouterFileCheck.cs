using System.Collections.Immutable;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>What is wrong with a set of router files, in themselves and with each other.</summary>
/// <param name="Findings">By file, then by place.</param>
/// <param name="Missing">The paths that are not there.</param>
internal sealed record RouterFileCheck(IReadOnlyList<Diagnostic> Findings, IReadOnlyList<string> Missing)
{
    internal bool IsValid => Findings.All(finding => finding.Severity != DiagnosticSeverity.Error);

    /// <param name="targets">Files, whatever their names, and directories, of which the router files are taken.</param>
    internal static RouterFileCheck Run(IEnumerable<string> targets)
    {
        List<RouterFile> files = [];
        List<string> missing = [];
        foreach (string target in targets)
        {
            if (Directory.Exists(target))
            {
                files.AddRange(Directory.EnumerateFiles(target)
                    .Where(path => RouterFileNames.IsRouterFile(Path.GetFileName(path)))
                    .Select(RouterFileReader.Read));
            }
            else if (File.Exists(target))
            {
                files.Add(RouterFileReader.Read(target));
            }
            else
            {
                missing.Add(target);
            }
        }

        RouterCatalog catalog = RouterCatalog.Merge(files, ImmutableDictionary<RouterKey, EgressRouterResource>.Empty);
        return new RouterFileCheck(
            [
                .. files.SelectMany(file => file.AllDiagnostics).Concat(catalog.Conflicts).Distinct()
                    .OrderBy(finding => finding.Location.File, StringComparer.Ordinal)
                    .ThenBy(finding => finding.Location.Line)
                    .ThenBy(finding => finding.Location.Column),
            ],
            missing);
    }
}
