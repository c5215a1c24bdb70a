using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// The fights over one router. Each is over one thing, a link, an address, a route, a rule, a setting or the packet filter, and puts
/// off the repair of that thing and of what depends on it, of nothing else.
/// </summary>
internal sealed class Fights(TimeProvider time)
{
    /// <summary>
    /// What is told of a router during a fight is mostly the fight, so the router is looked at once a second; what else is amiss is
    /// repaired then.
    /// </summary>
    internal static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly SortedDictionary<string, Fight> _fights = new(StringComparer.Ordinal);

    internal bool IsAny => _fights.Values.Any(fight => fight.IsOn);

    internal ValueList<Trouble> Troubles =>
        [.. _fights.Where(entry => entry.Value.IsOn).Select(entry => StatusFacts.Undone(entry.Key, entry.Value.Undone))];

    /// <summary>When to look again; null when there is no fight.</summary>
    internal TimeSpan? RetryAfter => _fights.Values.Where(fight => fight.IsOn)
        .Select(fight => (TimeSpan?)(fight.RetryAfter > TimeSpan.Zero ? fight.RetryAfter : LookInterval)).Min();

    internal bool IsOver(RouterStep step) => _fights.TryGetValue(step.Thing, out Fight? fight) && fight.IsOn;

    internal bool IsPutOff(RouterStep step) => _fights.TryGetValue(step.Thing, out Fight? fight) && fight.IsPausing;

    /// <summary>Notes which steps a look at a router found to be missing that somebody else made necessary.</summary>
    internal void Look(IReadOnlyList<RouterStep> missing)
    {
        HashSet<string> things = [.. missing.Select(step => step.Thing)];
        foreach ((string thing, Fight fight) in _fights.Where(entry => !things.Contains(entry.Key)).ToArray())
        {
            fight.Rest();
            if (fight.IsForgotten)
            {
                _fights.Remove(thing);
            }
        }
    }

    /// <summary>Notes that somebody else's changes are repaired.</summary>
    /// <param name="steps">All that are taken.</param>
    /// <param name="isUndoneAtOnce">Whether these were taken just before, and have to be taken again.</param>
    internal void Repair(IReadOnlyList<RouterStep> steps, bool isUndoneAtOnce = false)
    {
        // The silence of a standby is put back at once, each time.
        foreach (IGrouping<string, RouterStep> repair in StepDependence.Causes(steps).Where(step => step is not StandBy).GroupBy(step => step.Thing))
        {
            if (!_fights.TryGetValue(repair.Key, out Fight? fight))
            {
                _fights.Add(repair.Key, fight = new Fight(time));
            }

            fight.Repair(string.Join("; ", repair), isUndoneAtOnce);
        }
    }
}
