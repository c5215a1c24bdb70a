using System.Diagnostics;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>Lets the node that holds the router fail, and mends it.</summary>
public sealed class Failure(FailoverLab lab, FailoverNode node, FailureKind kind)
{
    private EtcdMember? _leader;
    private long _began;

    /// <summary>When it began, of <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long Began => _began;

    public void Begin()
    {
        _leader = kind == FailureKind.Leader ? lab.Etcd.Members.First(member => member.IsLeader) : null;
        _began = Stopwatch.GetTimestamp();
        switch (kind)
        {
            case FailureKind.Kill:
                node.KillAgent();
                break;
            case FailureKind.Cable:
                node.SetCable(isPlugged: false);
                break;
            case FailureKind.Store:
                node.SetWayToStore(isThere: false);
                break;
            case FailureKind.Hang:
                node.SuspendAgent();
                break;
            case FailureKind.Power:
                node.Destroy();
                break;
            case FailureKind.Leader:
                _leader!.Kill();
                node.KillAgent();
                break;
            case FailureKind.Stop:
                node.StopAgent();
                break;
        }
    }

    /// <param name="after">Since it began, at the earliest.</param>
    public void End(TimeSpan after)
    {
        if (after - Stopwatch.GetElapsedTime(_began) is var rest && rest > TimeSpan.Zero)
        {
            Thread.Sleep(rest);
        }

        switch (kind)
        {
            case FailureKind.Cable:
                node.SetCable(isPlugged: true);
                break;
            case FailureKind.Store:
                node.SetWayToStore(isThere: true);
                break;
            case FailureKind.Hang:
                node.ResumeAgent();
                break;
            default:
                _leader?.Start();
                node.Start();
                break;
        }
    }
}
