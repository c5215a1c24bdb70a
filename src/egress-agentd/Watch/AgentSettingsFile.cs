using EgressAgent.Model.Configuration;

namespace EgressAgent.Daemon.Watch;

/// <summary>Tells a file with the agent's settings from one with routers.</summary>
internal static class AgentSettingsFile
{
    /// <summary>What the file says; null when it is no such file, or cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="configurationPath">Where the agent's settings are, whatever is in the file.</param>
    internal static AgentConfigurationFile? TryRead(string path, string configurationPath)
    {
        try
        {
            // What is longer is refused by either parser; a device has no end.
            if (new FileInfo(path).Length > AgentConfigurationParser.MaxBytes)
            {
                return null;
            }

            byte[] content = File.ReadAllBytes(path);
            bool isOne = Path.GetFullPath(path) == Path.GetFullPath(configurationPath) || AgentConfigurationParser.IsOne(content);
            return isOne ? AgentConfigurationParser.Parse(path, content) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
