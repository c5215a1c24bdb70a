using EgressAgent.Linux.Bus;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Bus;

/// <summary>What the agent is called on the bus: org.egressagent.Agent1(5).</summary>
internal static class BusNames
{
    internal const string Service = "org.egressagent.Agent1";
    internal const string Manager = "org.egressagent.Agent1.Manager";
    internal const string Router = "org.egressagent.Agent1.Router";
    internal const string RootPath = "/org/egressagent/Agent1";

    internal const string NoSuchRouter = "org.egressagent.Agent1.Error.NoSuchRouter";

    /// <summary><c>/org/egressagent/Agent1/router/default/web</c>, encoded.</summary>
    internal static string PathOf(RouterKey key) => BusPath.Encode($"{RootPath}/router", key.Namespace, key.Name);
}
