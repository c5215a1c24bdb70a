using EgressAgent.Linux.Files;

namespace EgressAgent.Daemon.State;

/// <summary>Another process has the state directory.</summary>
internal sealed class StateInUseException(string directory) : IOException(Describe(directory, DirectoryLock.FindHolder(directory)))
{
    // A process of another PID namespace has no number here.
    private static string Describe(string directory, int? holder) =>
        $"{directory} is in use by {(holder is { } process ? $"process {process}{NameOf(process)}" : "another process")}, and its routers are that one's; "
        + $"first stop it: systemctl stop egress-agentd{(holder is null ? "" : $" (or: kill {holder})")}";

    private static string NameOf(int process)
    {
        try
        {
            return $" ({File.ReadAllText($"/proc/{process}/comm").TrimEnd('\n')})";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
