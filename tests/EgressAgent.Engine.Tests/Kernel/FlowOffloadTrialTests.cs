using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class FlowOffloadTrialTests
{
    [Fact]
    public void Kernel_is_trusted_when_it_has_flowtables_that_work_and_is_said_to_have_none_where_it_has_none()
    {
        Requires.Root();
        using ScratchNamespace netns = ScratchNamespace.Create();
        CommandResult flowtable = Command.Run(
            "nsenter", $"--net=/run/netns/{netns.Name}", "--", "nft", "add table inet t; add flowtable inet t f { hook ingress priority filter; counter; }");

        FlowOffloadVerdict verdict = FlowOffloadTrial.Run();

        Assert.Equal(new FlowOffloadVerdict(flowtable.ExitCode == 0 ? null : "this kernel has no flowtables (nf_flow_table)"), verdict);
    }
}
