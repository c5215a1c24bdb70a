namespace EgressAgent.Model.Status;

/// <summary>What goes through a router: a look at one moment.</summary>
public sealed record RouterTraffic(ValueList<RuleTraffic> Rules, ValueList<RouterFlow> Flows)
{
    public static readonly RouterTraffic None = new([], []);
}
