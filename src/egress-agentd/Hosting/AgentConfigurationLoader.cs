using EgressAgent.Model.Configuration;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Hosting;

/// <summary>Reads the agent's settings from disk.</summary>
internal static class AgentConfigurationLoader
{
    /// <summary>The settings of a file, or the defaults where there is none; null when the file is in error, which is told.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static AgentConfiguration? Load(string path, TextWriter errors)
    {
        if (!File.Exists(path))
        {
            return AgentConfiguration.Default;
        }

        AgentConfigurationFile file = AgentConfigurationParser.Parse(path, File.ReadAllBytes(path));
        foreach (Diagnostic finding in file.Diagnostics)
        {
            errors.WriteLine(finding);
        }

        return file.Configuration;
    }
}
