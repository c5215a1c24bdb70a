using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// What of a router was refused and is tried again later, while the rest of it works: one address beside others, one family beside
/// the other, its cable to the Services, or the offload of flows.
/// </summary>
internal sealed class HeldSteps(TimeProvider time)
{
    private readonly Dictionary<Part, Refusal> _refused = [];

    /// <summary>When the next part is to be tried again; null when none is.</summary>
    internal TimeSpan? RetryAfter => _refused.Values.Select(refusal => (TimeSpan?)refusal.RestAt(time)).Min();

    internal IEnumerable<Trouble> Troubles => _refused.Select(entry => entry.Value.ToTrouble(entry.Key));

    /// <summary>The families that do not work at all.</summary>
    internal IReadOnlySet<AddressFamily> Families => _refused.Keys.Where(part => part.Address is null).Select(part => part.Family).OfType<AddressFamily>().ToHashSet();

    /// <summary>Begins a pass: what has waited long enough is tried again.</summary>
    /// <param name="isAnew">Whether something else is wanted now than when it was refused, so that all of it is.</param>
    internal void BeginPass(bool isAnew)
    {
        if (isAnew)
        {
            _refused.Clear();
        }

        foreach (Refusal refusal in _refused.Values)
        {
            refusal.IsTriedAgain = refusal.RestAt(time) == TimeSpan.Zero;
        }
    }

    /// <summary>Ends a pass in which all was done that is not held.</summary>
    internal void EndPass()
    {
        foreach (Part over in _refused.Where(entry => entry.Value.IsTriedAgain).Select(entry => entry.Key).ToArray())
        {
            _refused.Remove(over);
        }
    }

    /// <summary>Whether the step belongs to what was refused, now or in an earlier pass.</summary>
    internal bool Concerns(RouterStep step) => _refused.Keys.Any(part => part.Has(step));

    /// <summary>Whether the step is not taken in this pass.</summary>
    internal bool Holds(RouterStep step) => _refused.Any(entry => !entry.Value.IsTriedAgain && entry.Key.Has(step));

    /// <summary>Notes that a step was refused.</summary>
    /// <returns>False when nothing of the router works without it.</returns>
    internal bool TryHold(RouterStep step, DesiredRouter desired, string reason, Exception exception)
    {
        if (step is OffloadFlows)
        {
            Hold(new Part(null, null, IsOffload: true), reason, exception);
            return true;
        }

        if (StepDependence.IsForServices(step))
        {
            Hold(default, reason, exception);
            return true;
        }

        if (step.Family is not { } family || desired.Redirect.Families.FirstOrDefault(plan => plan.Family == family) is not { } own)
        {
            return false;
        }

        // Connections leave from the first address of a family; the others can be missed.
        IPAddress? address = step is ClaimAddress claim && !claim.Entry.Address.Address.Equals(own.Source) ? claim.Entry.Address.Address : null;
        var part = new Part(family, address);
        if (address is null && desired.Redirect.Families.All(plan => plan.Family == family || Families.Contains(plan.Family)))
        {
            return false;
        }

        Hold(part, reason, exception);
        return true;
    }

    private void Hold(Part part, string reason, Exception exception)
    {
        Refusal refusal = _refused.GetValueOrDefault(part) ?? new Refusal();
        refusal.Note(reason, exception.Message, time);
        _refused[part] = refusal;
    }

    // Without a family it is the cable to the Services, or the offload of flows.
    private readonly record struct Part(AddressFamily? Family, IPAddress? Address, bool IsOffload = false)
    {
        internal bool Has(RouterStep step) => IsOffload ? step is OffloadFlows : Family is null ? StepDependence.IsForServices(step) : step.Family == Family && (Address is null
            || (step is ClaimAddress claim && claim.Entry.Address.Address.Equals(Address)) || (step is Announce announce && announce.Address.Equals(Address)));
    }

    private sealed class Refusal
    {
        private Pause _pause;
        private string _reason = "";
        private string _message = "";

        internal bool IsTriedAgain { get; set; }

        internal TimeSpan RestAt(TimeProvider time) => _pause.RestAt(time);

        internal void Note(string reason, string message, TimeProvider time)
        {
            (_reason, _message) = (reason, message);
            _pause.Begin(time, reason == StatusReasons.AddressConflict ? ManagedRouter.HeldRecheck : null);
            IsTriedAgain = false;
        }

        internal Trouble ToTrouble(Part part)
        {
            string what = part.IsOffload ? "flow offload"
                : part.Address is { } address ? $"{address}"
                : part.Family is not { } family ? "its Services"
                : family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
            string works = part is { Family: null, IsOffload: false } ? "its Services are served" : $"{what} works";
            return new Trouble(
                _reason == StatusReasons.AddressConflict ? TroubleKind.Held : TroubleKind.Failed, _reason, $"without {what}: {_message}", what, $"{works} now; over: {_message}");
        }
    }
}
