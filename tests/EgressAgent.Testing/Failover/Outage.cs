using System.Diagnostics;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>Takes away what the nodes agree by, and gives it back.</summary>
public sealed class Outage(FailoverLab lab, OutageKind kind)
{
    private readonly FailoverNode _standby = lab.Nodes.First(node => node != lab.Holder);

    /// <summary>Whether the router is to be silent meanwhile.</summary>
    public bool Silences => kind is OutageKind.StoreAndAgent or OutageKind.AgentAndStore;

    public void Begin()
    {
        if (kind == OutageKind.Heartbeats)
        {
            foreach (FailoverNode node in lab.Nodes)
            {
                node.SetHeartbeats(areThere: false);
            }

            return;
        }

        foreach (EtcdMember member in lab.Etcd.Members)
        {
            member.Kill();
        }

        if (Silences)
        {
            _standby.KillAgent();
        }
    }

    /// <summary>Gives one of them back, and the other one when the router is served again.</summary>
    /// <param name="isServedSince">Whether a client was served after a moment, of <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="patience">For that.</param>
    /// <returns>From when the first was started, the members of etcd, which elect a leader first, or the agent, until then.</returns>
    public TimeSpan End(Func<long, bool> isServedSince, TimeSpan patience)
    {
        if (kind == OutageKind.Heartbeats)
        {
            foreach (FailoverNode node in lab.Nodes)
            {
                node.SetHeartbeats(areThere: true);
            }

            return TimeSpan.Zero;
        }

        long back = Stopwatch.GetTimestamp();
        if (kind == OutageKind.AgentAndStore)
        {
            _standby.Start();
        }
        else
        {
            StartStore();
        }

        Eventually.True("the client to be served again", () => isServedSince(back), patience, () => string.Join('\n', lab.Nodes.Select(node => $"{node}: {node.Log}")));
        TimeSpan taken = Stopwatch.GetElapsedTime(back);
        if (kind == OutageKind.AgentAndStore)
        {
            StartStore();
        }
        else if (kind == OutageKind.StoreAndAgent)
        {
            _standby.Start();
        }

        return taken;
    }

    private void StartStore()
    {
        foreach (EtcdMember member in lab.Etcd.Members)
        {
            member.Start();
        }
    }
}
