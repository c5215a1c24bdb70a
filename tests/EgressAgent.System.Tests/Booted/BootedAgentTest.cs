using EgressAgent.Testing;
using EgressAgent.Testing.Booted;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>A test with the agent as an installed service that has the documented example in force when the test begins.</summary>
public abstract class BootedAgentTest
{
    protected const string Router = "default/egress-router-redirect";

    protected BootedAgentTest(Fixture fixture)
    {
        Requires.BootedNode();
        Agent = fixture.Agent;
        Agent.RunExample();
    }

    protected InstalledAgent Agent { get; }

    protected EgressLab Lab => Agent.Lab;

    protected BootedNode Node => Agent.Node;

    protected EchoedTransfer StartTransfer() => EchoedTransfer.Start(Lab.Node, EgressLab.InsideAddress, 8080);

    /// <summary>What identifies the router's links in the kernel: they are others when it is built anew.</summary>
    protected string RouterLinks() => Node.Check("ip", "-n", "egress.default.egress-router-redirect", "-oneline", "link", "show");

    /// <summary>One system for the tests of a class, booted by the first of them.</summary>
    public sealed class Fixture : IDisposable
    {
        // On first use, not in the constructor: a test that has to be skipped is skipped after its fixture was made.
        private readonly Lazy<InstalledAgent> _agent = new(() => new InstalledAgent());

        public InstalledAgent Agent => _agent.Value;

        public void Dispose()
        {
            if (_agent.IsValueCreated)
            {
                _agent.Value.Dispose();
            }
        }
    }
}
