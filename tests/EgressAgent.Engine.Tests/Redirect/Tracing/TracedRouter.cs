using System.Net.NetworkInformation;
using System.Text;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing.FakeKernel;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>A router as the agent would build it, on a node that is 192.168.12.10 and 2001:db8:12::10 on its LAN.</summary>
internal sealed class TracedRouter
{
    private static readonly RouterAllocation Allocation = new(
        [Example.Cidr("198.18.0.2/16"), Example.Cidr("fd96:e9e5:a::2/112")], PhysicalAddress.Parse("02-00-00-00-00-01"));

    private static readonly ObservedNode Node = ObserveNode();

    private readonly DesiredRouter _desired;

    public TracedRouter(EgressRouterSpec spec)
    {
        RouterAllocation allocation = Allocation with
        {
            InsideAddresses =
            [
                .. Allocation.InsideAddresses.Where(inside => spec.Addresses.Any(address => address.Address.Family == inside.Family)),
            ],
        };
        _desired = RouterPlanner.Plan(Example.Key, spec, allocation, Node, AgentConfiguration.Default).Desired
            ?? throw new InvalidOperationException("the node cannot have this router");
        Script = RulesetScript.Create(Ruleset.Compile(_desired.Redirect), replace: false);
    }

    /// <summary>What the engine gives to nft.</summary>
    public string Script { get; }

    /// <param name="spec">The fields of <c>spec</c>, as a flow mapping without its braces.</param>
    /// <param name="annotations">The annotations, likewise.</param>
    public static TracedRouter Parse(string spec, string annotations = "")
    {
        RouterFile file = RouterFileParser.Parse("web.yaml", Encoding.UTF8.GetBytes($$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: web, annotations: { {{annotations}} } }
            spec: { {{spec.ReplaceLineEndings(" ")}} }
            """));
        Assert.Empty(file.AllDiagnostics);
        return new TracedRouter(Assert.Single(file.Documents).Router!.Spec);
    }

    /// <summary>The router before its first packet.</summary>
    /// <param name="script">Another ruleset than its own.</param>
    public PacketTracer Trace(string? script = null) => new(_desired, TracedRuleset.Parse(script ?? Script));

    private static ObservedNode ObserveNode()
    {
        using FakeKernel kernel = Example.Node();
        return kernel.ObserveNode();
    }
}
