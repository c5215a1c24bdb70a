namespace EgressAgent.Model.Planning;

/// <summary>The outcome of planning: either a router to build, or what is being waited for.</summary>
public sealed record RouterPlan
{
    private RouterPlan(DesiredRouter? desired, PlanProblem? waitingFor, ValueList<PlanProblem> shortcomings)
    {
        Desired = desired;
        WaitingFor = waitingFor;
        Shortcomings = shortcomings;
    }

    /// <summary>Null when <see cref="WaitingFor"/> is set.</summary>
    public DesiredRouter? Desired { get; }

    /// <summary>What the node lacks for the router to be built at all; the plan is made anew when the node changes.</summary>
    public PlanProblem? WaitingFor { get; }

    /// <summary>What will not work although the router is built.</summary>
    public ValueList<PlanProblem> Shortcomings { get; }

    /// <summary>
    /// How often the master's carrier came up. It may be another port then, which has to be told of the router's addresses: a plan
    /// with another number is another plan.
    /// </summary>
    public uint MasterCarrierUps { get; private init; }

    /// <summary>Where the router stands by this plan; null when it waits.</summary>
    public RouterFooting? Footing { get; private init; }

    /// <summary>Whether something is left out that the node may have later without a word of it.</summary>
    public bool IsPartial { get; init; }

    public static RouterPlan Ready(DesiredRouter desired, RouterFooting footing, NodeLink master, ValueList<PlanProblem> shortcomings) =>
        new(desired, null, shortcomings) { Footing = footing, MasterCarrierUps = master.CarrierUps };

    public static RouterPlan Waiting(PlanProblem problem) => new(null, problem, []);
}
