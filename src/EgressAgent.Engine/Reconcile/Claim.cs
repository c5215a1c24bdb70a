using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What is found of a condition, before it has a time.</summary>
/// <param name="Status">Null when it is not known.</param>
/// <param name="Reason">A word of <see cref="StatusReasons"/> or PlanReasons.</param>
/// <param name="Message">For people.</param>
internal readonly record struct Claim(bool? Status, string Reason, string Message)
{
    /// <summary>As a condition, whose time moves only when its status does.</summary>
    /// <param name="type">Which.</param>
    /// <param name="earlier">What it was; null when it was not known.</param>
    /// <param name="now">The time.</param>
    internal Condition ToCondition(ConditionType type, Condition? earlier, DateTimeOffset now) =>
        new(type, Status, Reason, Message, earlier is not null && earlier.Status == Status ? earlier.LastTransition : now);
}
