using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>The contract holds for a router made with ip and nft, so where it fails for the agent, the agent is at fault.</summary>
public sealed class HandMadeRouterTests : RedirectContract, IClassFixture<HandMadeRouterTests.Fixture>
{
    private readonly Fixture _fixture;

    public HandMadeRouterTests(Fixture fixture)
    {
        Requires.Root();
        _fixture = fixture;
    }

    protected override EgressLab Lab => _fixture.Lab;

    public sealed class Fixture : IDisposable
    {
        private HandMadeRouter? _router;

        public EgressLab Lab => field ??= Build();

        public void Dispose()
        {
            if (_router is not null)
            {
                _router.Dispose();
                Lab.Dispose();
            }
        }

        // On first use, not in the constructor: a test that has to be skipped is skipped after its fixture was made.
        private EgressLab Build()
        {
            EgressLab lab = new();
            _router = new HandMadeRouter(lab);
            return lab;
        }
    }
}
