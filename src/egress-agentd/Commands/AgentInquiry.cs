using EgressAgent.Daemon.Watch;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Commands;

/// <summary>A router that the running agent has.</summary>
/// <param name="State">As it is on the bus: <c>active</c>.</param>
/// <param name="File">The file that it comes from.</param>
internal sealed record RunningRouter(string State, string File);

/// <summary>Asks the running agent what it has in force.</summary>
internal static class AgentInquiry
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>The routers of the running agent; null when none can be asked: no bus, no agent, or no answer.</summary>
    internal static IReadOnlyDictionary<RouterKey, RunningRouter>? TryAsk(string address)
    {
        try
        {
            return AskAsync(address).WaitAsync(Patience).GetAwaiter().GetResult();
        }
        catch (Exception)
        {
            // Whatever the bus says: the check of the files is what was asked for.
            return null;
        }
    }

    /// <summary>One clause for the last line of a check: whether the agent has in force what was checked, or what differs.</summary>
    internal static string Compare(RouterFileCheck check, IReadOnlyDictionary<RouterKey, RunningRouter> running)
    {
        foreach ((RouterKey key, string file) in check.Current)
        {
            string? difference = running.GetValueOrDefault(key) switch
            {
                null => $"but does not have {key}",
                { File: var other } when other != Path.GetFullPath(file) => $"and has {key} from {other}",
                { State: not "active" and var state } => $"but {key} is {state}",
                _ => null,
            };
            if (difference is not null)
            {
                return $"egress-agentd is running, {difference}";
            }
        }

        return check.IsValid ? "egress-agentd is running and has them in force" : "egress-agentd is running on what was right before";
    }

    private static async Task<IReadOnlyDictionary<RouterKey, RunningRouter>?> AskAsync(string address)
    {
        using BusClient client = await BusClient.OpenAsync(address, BusNames.Service).ConfigureAwait(false);
        return await client.CallAsync(BusNames.RootPath, BusNames.Manager, "ListRouters", Read).ConfigureAwait(false);
    }

    // a(sssso): namespace, name, state, file, object.
    private static Dictionary<RouterKey, RunningRouter> Read(Message message)
    {
        Dictionary<RouterKey, RunningRouter> routers = [];
        Reader reader = message.GetBodyReader();
        ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
        while (reader.HasNext(end))
        {
            reader.AlignStruct();
            RouterKey key = new(reader.ReadString(), reader.ReadString());
            routers[key] = new RunningRouter(reader.ReadString(), reader.ReadString());
            _ = reader.ReadObjectPath();
        }

        return routers;
    }
}
