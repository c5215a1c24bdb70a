using EgressAgent.Testing;
using EgressAgent.Testing.Instructions;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>
/// What the kernel takes for the agent's ruleset, routing policy and settings, beside a router made by hand: in instructions, which repeat
/// on any machine. <c>tests/bench instructions</c> prints the numbers.
/// </summary>
public sealed class InstructionTests
{
    private const int Rounds = 5;

    public InstructionTests() => Requires.CountedInstructions();

    [Fact]
    public void Kernel_datapath_takes_few_instructions_more_than_a_router_made_by_hand()
    {
        using InstructionLab lab = new();
        var counts = lab.Count(Rounds);

        Assert.All(CountedRouter.OfAgent, router => Assert.All(CountedTraffic.All, traffic =>
        {
            double ratio = counts[(traffic, router)] / counts[(traffic, CountedRouter.ByHand)];
            TestContext.Current.TestOutputHelper?.WriteLine($"{router.Name}, {traffic.Unit}: {ratio:0.000}");
            Assert.True(ratio <= traffic.LimitOf(router), $"{router.Name}, {traffic.Unit}: {ratio:0.000} times the instructions of a router made by hand, at most {traffic.LimitOf(router):0.00}");
        }));
    }
}
