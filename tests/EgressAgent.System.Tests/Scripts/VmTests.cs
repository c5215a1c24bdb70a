using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Scripts;

/// <summary>tests/vm ends in time, says why, and leaves nothing running, whatever becomes of the kernel that it starts.</summary>
public sealed class VmTests
{
    private const int NoResult = 125;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public VmTests()
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists(Repository.PathOf("artifacts/vm/kernel")), "needs a kernel in artifacts/vm: run tests/vm-kernel");
    }

    [Fact]
    public void Kernel_that_dies_at_boot_ends_it_with_the_reason()
    {
        using Script vm = Start("root=nowhere");

        (int exitCode, string output) = vm.Wait(Deadline);

        Assert.Equal(NoResult, exitCode);
        Assert.Contains("Kernel panic", output);
        Assert.Contains("tests/vm: no result from the virtual machine: it ended before the command", output);
        Assert.Empty(vm.Remains());
    }

    [Fact]
    public void Kernel_that_hangs_is_ended_and_shown()
    {
        // Nothing else than the first process runs, and it says nothing.
        using Script vm = Start("rdinit=/bin/busybox -- sleep 1000");

        (int exitCode, string output) = vm.Wait(Deadline);

        Assert.Equal(NoResult, exitCode);
        Assert.Contains("Run /bin/busybox as init process", output);
        Assert.Contains("tests/vm: no result from the virtual machine: it was silent for 10 s", output);
        Assert.Empty(vm.Remains());
    }

    private static Script Start(string append) => Script.Start(
        Repository.PathOf("tests/vm"),
        new Dictionary<string, string> { ["EGRESS_VM_APPEND"] = append, ["EGRESS_VM_SILENCE"] = "10" },
        "true");
}
