using System.Diagnostics.CodeAnalysis;
using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>
/// Where things are in etcd: <c>nodes/NODE</c> is a member, for good; <c>alive/NODE</c> goes with its lease; <c>routers/NAMESPACE.NAME</c>
/// is the claim of who holds the router, and goes with the lease too; <c>turns/NAMESPACE.NAME</c> stays, is written with
/// each claim, and when one is given up: that its holder was silent before. <c>seen/NODE</c> stays too: up to which revision the node knows
/// the members. <c>asks/NODE</c> asks a node that is not heard any more, which takes the key away as its answer. <c>yields/NAMESPACE.NAME</c>
/// asks the holder of a router to leave it to a node of a higher priority. <c>answers/NODE</c> goes with the lease: of which routers the
/// gateways answer the node. <c>heartbeat-key</c> is what heartbeats are signed with.
/// </summary>
/// <param name="Prefix">That of all keys of a cluster; it ends in a slash.</param>
internal sealed record ClusterKeys(string Prefix)
{
    private const string Nodes = "nodes/";
    private const string AliveNodes = "alive/";
    private const string Routers = "routers/";
    private const string Turns = "turns/";
    private const string SeenMembers = "seen/";
    private const string Questions = "asks/";
    private const string Yields = "yields/";
    private const string GatewayAnswers = "answers/";

    internal static ClusterKeys Of(string cluster) => new($"/egress-agentd/{cluster}/");

    internal string Node(string node) => $"{Prefix}{Nodes}{node}";

    internal string Alive(string node) => $"{Prefix}{AliveNodes}{node}";

    internal string Seen(string node) => $"{Prefix}{SeenMembers}{node}";

    internal string Ask(string node) => $"{Prefix}{Questions}{node}";

    internal string Answers(string node) => $"{Prefix}{GatewayAnswers}{node}";

    internal string HeartbeatKey => $"{Prefix}heartbeat-key";

    internal string Claim(RouterKey router) => $"{Prefix}{Routers}{router.Namespace}.{router.Name}";

    internal string Turn(RouterKey router) => $"{Prefix}{Turns}{router.Namespace}.{router.Name}";

    internal string Yield(RouterKey router) => $"{Prefix}{Yields}{router.Namespace}.{router.Name}";

    internal bool IsYield(string key, out RouterKey router) => IsRouter(key, Yields, out router);

    internal bool IsNode(string key, [NotNullWhen(true)] out string? node) => Is(key, Nodes, out node);

    internal bool IsAlive(string key, [NotNullWhen(true)] out string? node) => Is(key, AliveNodes, out node);

    internal bool IsSeen(string key, [NotNullWhen(true)] out string? node) => Is(key, SeenMembers, out node);

    internal bool IsAsk(string key, [NotNullWhen(true)] out string? node) => Is(key, Questions, out node);

    internal bool IsAnswers(string key, [NotNullWhen(true)] out string? node) => Is(key, GatewayAnswers, out node);

    internal bool IsClaim(string key, out RouterKey router) => IsRouter(key, Routers, out router);

    internal bool IsTurn(string key, out RouterKey router) => IsRouter(key, Turns, out router);

    // A namespace has no dot.
    private bool IsRouter(string key, string folder, out RouterKey router)
    {
        router = default;
        if (!Is(key, folder, out string? rest) || rest.IndexOf('.') is not (> 0 and var dot))
        {
            return false;
        }

        router = new RouterKey(rest[..dot], rest[(dot + 1)..]);
        return true;
    }

    private bool Is(string key, string folder, [NotNullWhen(true)] out string? rest)
    {
        int length = Prefix.Length + folder.Length;
        bool isOne = key.Length > length && key.StartsWith(Prefix, StringComparison.Ordinal) && string.CompareOrdinal(key, Prefix.Length, folder, 0, folder.Length) == 0;
        rest = isOne ? key[length..] : null;
        return isOne;
    }
}
