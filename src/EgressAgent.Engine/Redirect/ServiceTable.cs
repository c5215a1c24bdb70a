using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// The table in the netns of Services. It goes on working when the agent is gone; a new agent replaces it in one transaction, and
/// connection tracking keeps every flow as it is. Not thread-safe.
/// </summary>
internal sealed class ServiceTable
{
    private ulong? _netns;
    private uint _generation;
    private ServiceRuleset? _inForce;

    // The plan that all flows are known to follow. It says more than the ruleset: a router that is lost is in no rule, and keeps flows.
    private ServicePlan? _swept;

    /// <summary>Puts a plan in force, all of it or nothing. Flows that it would not have made are cut.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="netns">That of Services.</param>
    /// <param name="end">Ends what relays have of flows that are cut; see <see cref="FlowSweep"/>.</param>
    /// <exception cref="LinuxException">
    /// The kernel refused. What was in force before still is; or the plan is, and flows are left that it would not have made, until it is
    /// applied again.
    /// </exception>
    internal void Apply(ServicePlan plan, NetworkNamespace netns, FlowsCut? end = null)
    {
        using NftConnection connection = NftConnection.Open(netns);
        ServiceRuleset ruleset = ServiceRuleset.Compile(plan);

        // The number of an inode is used again at once; a kernel before 5.14 has nothing better.
        ulong number = connection.NetnsCookie ?? netns.Id.Inode;

        // An untouched generation is an untouched table: who writes to any table of the netns moves it.
        uint before = connection.ReadGeneration();
        bool isKnown = _inForce is not null && _netns == number && _generation == before;
        string script = isKnown ? ruleset.Update(_inForce!) : ruleset.Create();
        if (script.Length > 0)
        {
            _inForce = null;
            using NftContext nft = NftContext.Open(netns);
            nft.Run(script);
            (_netns, _generation) = (number, connection.ReadGeneration());

            // Where somebody else wrote meanwhile, what stands there is not known, and is replaced with the next look.
            _inForce = _generation == NftConnection.Next(before) ? ruleset : null;
        }

        if (script.Length > 0 || _swept != plan)
        {
            _swept = null;
            ServiceFlowSweep.Run(plan, netns, end);
            _swept = plan;
        }
    }
}
