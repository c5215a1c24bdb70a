using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Testing.Lab;
using Xunit;

namespace EgressAgent.Testing;

/// <summary>What a test needs from the machine. A test whose need is not met is skipped, with the reason.</summary>
public static class Requires
{
    /// <summary>
    /// The right to make namespaces and links. <c>EGRESS_TESTS=unit</c> forbids it, so that a run of the unit tests never touches the
    /// kernel, whoever runs it.
    /// </summary>
    public static void Root()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("EGRESS_TESTS") == "unit", "kernel test: only unit tests were asked for");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "kernel test: needs root");
    }

    /// <summary>Root, and the native build of the agent.</summary>
    public static void Agent()
    {
        Root();
        Assert.SkipUnless(
            File.Exists(Repository.AgentBinary), $"needs the native agent at {Repository.AgentBinary}: run packaging/build");
    }

    /// <summary>Root, and a kernel with SCTP sockets: one that has them, or that of tests/vm.</summary>
    public static void SctpSockets()
    {
        Root();
        Errno missing = NativeSocket.ProbeSctp();
        Assert.SkipUnless(missing.IsSuccess, $"the kernel has no SCTP sockets ({missing.Message}): run it by tests/vm");
    }

    /// <summary>As <see cref="Agent"/>, and a kernel that nothing else runs on: that of tests/vm.</summary>
    public static void OwnKernel()
    {
        Agent();
        Assert.SkipUnless(NodeLimit.IsOwn, "needs a kernel of its own, with VLANs, bonds and VRFs: run it by tests/vm");
    }

    /// <summary>As <see cref="Agent"/>, and a machine in which time is the number of instructions.</summary>
    public static void CountedInstructions()
    {
        Agent();
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("EGRESS_VM_ICOUNT") == "yes", "needs instructions that are counted: run it by EGRESS_VM_ICOUNT=yes tests/vm");
    }

    /// <summary>As <see cref="Agent"/>, and a Debian to boot.</summary>
    public static void BootedNode()
    {
        Agent();
        Assert.SkipUnless(
            Directory.Exists(Booted.BootedNode.Root),
            $"needs a Debian at {Booted.BootedNode.Root}: run tests/EgressAgent.Testing/Booted/make-root");
    }

    /// <summary>As <see cref="BootedNode"/>, and the programs that other people have on their machines.</summary>
    public static void OtherPrograms()
    {
        BootedNode();
        Assert.SkipUnless(
            Directory.Exists(Booted.BootedNode.Others),
            $"needs Docker, firewalld, ufw and NetworkManager at {Booted.BootedNode.Others}: run tests/EgressAgent.Testing/Booted/make-others");
    }

    /// <summary>Prometheus and its tools.</summary>
    public static void Prometheus() =>
        Assert.SkipUnless(Directory.Exists(Repository.PathOf("artifacts/prometheus/usr/bin")), "needs Prometheus: run tests/prometheus");
}
