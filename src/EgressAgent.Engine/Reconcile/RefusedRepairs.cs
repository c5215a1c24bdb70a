using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// What the kernel refuses to have repaired of a router that is in force. Each is one thing, which is tried again after a pause of its
/// own that grows; what depends on it waits too, and nothing else.
/// </summary>
internal sealed class RefusedRepairs(TimeProvider time)
{
    private readonly SortedDictionary<string, Refusal> _refusals = new(StringComparer.Ordinal);

    internal bool IsAny => _refusals.Count > 0;

    internal IEnumerable<Trouble> Troubles =>
        _refusals.Select(entry => new Trouble(TroubleKind.Failed, StatusReasons.KernelRefused, entry.Value.Message, entry.Key));

    /// <summary>When the next thing is to be tried again; null when there is none.</summary>
    internal TimeSpan? RetryAfter => _refusals.Values.Select(refusal => (TimeSpan?)refusal.RestAt(time)).Min();

    internal bool Has(RouterStep step) => _refusals.ContainsKey(step.Thing);

    internal bool IsPutOff(RouterStep step) => _refusals.TryGetValue(step.Thing, out Refusal? refusal) && refusal.RestAt(time) > TimeSpan.Zero;

    /// <summary>Notes that a step was refused.</summary>
    internal void Note(RouterStep step, Exception exception)
    {
        Refusal refusal = _refusals.GetValueOrDefault(step.Thing) ?? new Refusal();
        refusal.Note(exception.Message, time);
        _refusals[step.Thing] = refusal;
    }

    /// <summary>Notes what a look found to be missing: what is not is repaired by now, or not wanted any more.</summary>
    internal void Look(IEnumerable<RouterStep> missing)
    {
        HashSet<string> things = [.. missing.Select(step => step.Thing)];
        foreach (string thing in _refusals.Keys.Where(thing => !things.Contains(thing)).ToArray())
        {
            _refusals.Remove(thing);
        }
    }

    private sealed class Refusal
    {
        private Pause _pause;

        internal string Message { get; private set; } = "";

        internal TimeSpan RestAt(TimeProvider time) => _pause.RestAt(time);

        internal void Note(string message, TimeProvider time)
        {
            Message = message;
            _pause.Begin(time);
        }
    }
}
