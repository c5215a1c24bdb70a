namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Knows whether this kernel can be trusted to offload flows. It is tried when that is asked for first, and for some minutes again while it
/// cannot be told: a node has most to do when it boots. Thread-safe.
/// </summary>
internal sealed class FlowOffloadJudge : IDisposable
{
    // With the pauses between them it is three minutes and more. A kernel that lets packets wait only now and then is not tried until it does not.
    private const int MaxTrials = 10;

    private readonly Func<FlowOffloadVerdict> _trial;
    private readonly Lock _first = new();
    private readonly ITimer _next;
    private Backoff _backoff;
    private int _trials;
    private volatile FlowOffloadVerdict? _verdict;

    /// <param name="trial">Tries the kernel.</param>
    /// <param name="time">The clock of the pauses between trials.</param>
    internal FlowOffloadJudge(Func<FlowOffloadVerdict> trial, TimeProvider time)
    {
        _trial = trial;
        _next = time.CreateTimer(_ => Try(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Raised with <see cref="WhyNot"/> when it is known, and when it is another than before, on the thread that tried.</summary>
    internal event Action<string?>? Judged;

    /// <summary>Why the kernel is not trusted, for all that is known; null when it is. Who asks first waits for the first trial.</summary>
    internal string? WhyNot
    {
        get
        {
            if (_verdict is not { } verdict)
            {
                lock (_first)
                {
                    verdict = _verdict ?? Try();
                }
            }

            return verdict.WhyNot;
        }
    }

    public void Dispose() => _next.Dispose();

    private FlowOffloadVerdict Try()
    {
        FlowOffloadVerdict verdict = _trial();
        bool isNews = _verdict is not { } last || verdict.WhyNot != last.WhyNot;
        _verdict = verdict;
        if (isNews)
        {
            Judged?.Invoke(verdict.WhyNot);
        }

        _trials++;
        if (!verdict.IsFinal && _trials < MaxTrials)
        {
            _next.Change(_backoff.Next(), Timeout.InfiniteTimeSpan);
        }

        return verdict;
    }
}
