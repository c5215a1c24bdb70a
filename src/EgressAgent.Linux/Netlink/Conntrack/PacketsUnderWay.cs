using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>The packets that the kernel is working on.</summary>
public static class PacketsUnderWay
{
    /// <summary>
    /// Returns once each has been sent, queued or dropped that a processor was at when this was called: a packet is worked on within one
    /// read-side critical section of RCU, and MEMBARRIER_CMD_GLOBAL waits for all of those (kernel/sched/membarrier.c). That takes 10 to
    /// 30 ms. A kernel with <c>nohz_full</c> does not wait.
    /// </summary>
    public static void Wait() => _ = LibC.membarrier(LibC.MEMBARRIER_CMD_GLOBAL);
}
