using System.Collections.Immutable;
using EgressAgent.Daemon.Hosting;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;

namespace EgressAgent.Daemon.Watch;

/// <summary>The agent for which files are checked: where it reads them, and on what node.</summary>
/// <param name="RoutersDirectory">Its router files. Who can write them can configure the node, which is asked of no other file.</param>
/// <param name="ConfigurationPath">Its settings, which need not exist.</param>
internal sealed record CheckedAgent(string RoutersDirectory, string ConfigurationPath)
{
    /// <summary>The sysctl by which the node forwards for others; null when it does not.</summary>
    internal string? ForwardingSwitch { get; init; } = FindForwardingSwitch();

    /// <summary>From which file each router of the running agent comes, as far as that is known.</summary>
    internal IReadOnlyDictionary<RouterKey, string> RunningFiles { get; init; } = ImmutableDictionary<RouterKey, string>.Empty;

    internal bool Reads(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) == Path.GetFullPath(RoutersDirectory);

    /// <summary>Null when there are none, or none that can be read.</summary>
    internal AgentConfiguration? ReadConfiguration() =>
        File.Exists(ConfigurationPath) ? AgentSettingsFile.TryRead(ConfigurationPath, ConfigurationPath)?.Configuration : null;

    private static string? FindForwardingSwitch() =>
        ((string[])["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"]).FirstOrDefault(IsOn)?.Replace('/', '.');

    private static bool IsOn(string key)
    {
        try
        {
            return File.ReadAllText($"/proc/sys/{key}").StartsWith('1');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
