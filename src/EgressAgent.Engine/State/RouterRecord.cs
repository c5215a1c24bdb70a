using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.State;

/// <summary>What outlives the agent of one router.</summary>
/// <param name="LastGood">The last spec that was valid.</param>
/// <param name="Generation">How many different specs were accepted, from 1.</param>
/// <param name="Allocation">Its inside addresses and its MAC.</param>
public sealed record RouterRecord(EgressRouterResource LastGood, long Generation, RouterAllocation Allocation)
{
    public RouterKey Key => LastGood.Key;
}
