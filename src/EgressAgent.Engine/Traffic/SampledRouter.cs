using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>What the <see cref="TrafficSampler"/> knows of one router. Not thread-safe.</summary>
/// <param name="plan">What is in force.</param>
internal sealed class SampledRouter(RedirectPlan plan)
{
    private TaskCompletionSource _next = NewSignal();
    private TaskCompletionSource _nextFlows = NewSignal();

    internal RedirectPlan Plan { get; set; } = plan;

    /// <summary>Null when nobody has asked for more than one sample.</summary>
    internal long? AskedAt { get; set; }

    /// <summary>The same of flows one by one.</summary>
    internal long? FlowsAskedAt { get; set; }

    /// <summary>Whether the next sample is to have them.</summary>
    internal bool NeedsFlows { get; set; }

    internal RouterTraffic Sample { get; private set; } = RouterTraffic.None;

    internal FlowList Flows { get; private set; } = FlowList.None;

    /// <summary>Null before the first sample, and when it was forgotten.</summary>
    internal RedirectPlan? SampledPlan { get; private set; }

    internal long TakenAt { get; private set; }

    /// <summary>When <see cref="Flows"/> were there; null where nobody wants them.</summary>
    internal long? FlowsTakenAt { get; private set; }

    internal bool IsDue { get; set; }

    /// <summary>Whether flows have ended since the last look.</summary>
    internal bool HasEnds { get; set; }

    /// <summary>What the relay had carried at the last look for its sake.</summary>
    internal ulong Activity { get; set; }

    /// <summary>Completes with the next sample, or when there will be none.</summary>
    internal Task Next => _next.Task;

    /// <summary>Completes with the next sample that has flows one by one, or when there will be none.</summary>
    internal Task NextFlows => _nextFlows.Task;

    /// <param name="sampledPlan">What was looked at.</param>
    /// <param name="sample">Null when it could not be: the last one stays.</param>
    /// <param name="flows">Its flows; null when they were not wanted.</param>
    /// <param name="takenAt">By the sampler's clock.</param>
    internal void Show(RedirectPlan sampledPlan, RouterTraffic? sample, List<RouterFlow>? flows, long takenAt)
    {
        if (sample is not null)
        {
            Sample = sample;
            Flows = flows is null ? Flows : new FlowList(flows.ToValueList());
        }

        if (flows is null && SampledPlan != sampledPlan)
        {
            ForgetFlows();
        }

        SampledPlan = sampledPlan;
        TakenAt = takenAt;
        _next.TrySetResult();
        _next = NewSignal();
        if (flows is not null)
        {
            FlowsTakenAt = takenAt;
            _nextFlows.TrySetResult();
            _nextFlows = NewSignal();
        }
    }

    /// <summary>For when nobody asks any more.</summary>
    internal void ForgetSample()
    {
        SampledPlan = null;
        Sample = RouterTraffic.None;
        ForgetFlows();
    }

    internal void ForgetFlows()
    {
        Flows = FlowList.None;
        FlowsTakenAt = null;
    }

    /// <summary>Nobody waits any more.</summary>
    internal void End()
    {
        _next.TrySetResult();
        _nextFlows.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
