using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Status;

/// <summary>What is reported of a router. Immutable: every change is a new value.</summary>
public sealed record RouterStatus
{
    public required RouterKey Key { get; init; }

    public required RouterState State { get; init; }

    /// <summary>The file that the router's present spec came from.</summary>
    public required string File { get; init; }

    /// <summary>Counts the specs that were accepted, from 1; it goes on across restarts.</summary>
    public long Generation { get; init; }

    /// <summary>Always one of each <see cref="ConditionType"/>, in that order.</summary>
    public required ValueList<Condition> Conditions { get; init; }

    /// <summary>What stands wrong with it.</summary>
    public ValueList<Trouble> Troubles { get; init; } = [];

    /// <summary>Whether all that is wanted is in the kernel.</summary>
    public bool IsInForce { get; init; }

    /// <summary>What is (to be) in the kernel; null as long as the node lacks what it needs.</summary>
    public DesiredRouter? Desired { get; init; }

    public Condition Condition(ConditionType type) => Conditions.First(condition => condition.Type == type);

    /// <summary>The condition that says why the router is in its state.</summary>
    public Condition Cause => Condition(ConditionType.Degraded) is { Status: true } degraded ? degraded : Condition(ConditionType.Available);

    /// <summary>What an operator should know first: why it is degraded, or else what it is waiting for.</summary>
    public string Summary => Condition(ConditionType.Degraded) is { Status: true } degraded
        ? degraded.Message
        : Condition(ConditionType.Progressing) is { Status: true } progressing ? progressing.Message : Condition(ConditionType.Available).Message;
}
