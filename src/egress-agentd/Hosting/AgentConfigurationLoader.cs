using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Resources;

namespace EgressAgent.Daemon.Hosting;

/// <summary>Reads the agent's settings from disk, and keeps the last good ones beside the state.</summary>
internal static class AgentConfigurationLoader
{
    /// <summary>Where the last good settings are, in the directory of the state.</summary>
    internal const string LastGoodName = "agentd.yaml";

    /// <summary>
    /// The settings of a file, the defaults where there is none, and the last good ones where the file is in error. Never throws:
    /// settings that cannot be read are in error too.
    /// </summary>
    internal static LoadedSettings Load(string path, string stateDirectory)
    {
        string lastGood = Path.Combine(stateDirectory, LastGoodName);
        ValueList<Diagnostic> findings;
        try
        {
            byte[] content = File.Exists(path) ? File.ReadAllBytes(path) : [];
            AgentConfigurationFile file = AgentConfigurationParser.Parse(path, content);
            if (file.Configuration is { } configuration)
            {
                return new LoadedSettings(configuration, [.. file.Diagnostics, .. TryKeep(lastGood, content)], IsLastGood: false);
            }

            findings = file.Diagnostics;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            findings = [new Diagnostic(new SourceLocation(path, 0, 0), "", $"the file cannot be read: {exception.Message}")];
        }

        return new LoadedSettings(TryReadLastGood(lastGood), findings, IsLastGood: true);
    }

    private static AgentConfiguration? TryReadLastGood(string lastGood)
    {
        try
        {
            return AgentConfigurationParser.Parse(lastGood, File.ReadAllBytes(lastGood)).Configuration;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The agent runs all the same: what cannot be kept is missed only after the next fault.
    private static IEnumerable<Diagnostic> TryKeep(string lastGood, byte[] content)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(lastGood)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            string written = $"{lastGood}.new";
            File.WriteAllBytes(written, content);
            File.Move(written, lastGood, overwrite: true);
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return
            [
                new Diagnostic(
                    new SourceLocation(lastGood, 0, 0), "", $"the settings cannot be kept: {exception.Message}", DiagnosticSeverity.Warning),
            ];
        }
    }
}
