using EgressAgent.System.Tests.Bus;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>The fence on a kernel that has clsact and cls_bpf as modules, and no newer place for programs at the egress.</summary>
public sealed class FenceOnSecondKernelTests
{
    public FenceOnSecondKernelTests() => Requires.OwnKernel();

    [Fact]
    public void Nothing_leaves_after_the_deadline_and_all_does_after_the_next()
    {
        using KernelFenceTests tests = new();
        tests.Nothing_leaves_after_the_deadline_and_all_does_after_the_next();
    }
}
