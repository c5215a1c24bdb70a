using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>Whatever the kernel refuses once, in the middle of whatever: the next attempt succeeds, and nothing stays open.</summary>
[Collection(nameof(AcquisitionFaultTests))]
public sealed class AcquisitionFaultTests : IDisposable
{
    private static readonly EgressRouterSpec Spec = new()
    {
        Addresses = [new(Example.Cidr("192.168.12.99/24"), null), new(Example.Cidr("2001:db8:12::99/64"), null)],
        Rules = [Example.Rule(8080, "203.0.113.26", 80)],
    };

    private static readonly Errno[] Refusals = [Errno.EMFILE, Errno.ENOMEM, Errno.ENOBUFS, Errno.ENOSPC];

    private readonly LinuxKernelLab _lab = new();

    public void Dispose() => _lab.Dispose();

    [CollectionDefinition(nameof(AcquisitionFaultTests), DisableParallelization = true)]
    public sealed class Alone;

    [Fact]
    public void Router_is_built_and_heard_after_any_one_refusal()
    {
        // All four for each call take minutes, which EGRESS_FAULTS=all has; else it is one of them for every third call.
        bool isAll = Environment.GetEnvironmentVariable("EGRESS_FAULTS") == "all";
        int offset = Random.Shared.Next(12);
        int calls = Attempt(int.MaxValue, Refusals[0]);
        int descriptors = Descriptors();
        HashSet<string> told = [];
        for (int nth = 1; nth <= calls; nth++)
        {
            foreach (Errno errno in isAll ? Refusals : (nth + offset) % 3 == 0 ? [Refusals[(nth + offset) % Refusals.Length]] : [])
            {
                try
                {
                    Attempt(nth, errno);
                }
                catch (LinuxException refusal)
                {
                    told.Add(refusal.Message);
                }
                catch (Exception exception)
                {
                    throw new InvalidOperationException($"{errno} for call {nth} of {calls}", exception);
                }
            }
        }

        Assert.InRange(Descriptors(), 0, descriptors);
        Assert.InRange(calls, 100, 1000);
        Assert.InRange(told.Count, 10, 1000);
    }

    [Fact]
    public void Kernel_is_opened_after_any_one_refusal()
    {
        Errno errno = Errno.ENOMEM;
        SystemCallFaults.Run(int.MaxValue, errno, () => _lab.OpenKernel().Dispose());
        int calls = SystemCallFaults.Run(int.MaxValue, errno, () => _lab.OpenKernel().Dispose());
        int descriptors = Descriptors();
        for (int nth = 1; nth <= calls; nth++)
        {
            // There is another way where the receive buffer's size is refused.
            Exception? refusal = Record.Exception(() => SystemCallFaults.Run(nth, errno, () => _lab.OpenKernel().Dispose()));
            Assert.True(refusal is null or LinuxException, refusal?.ToString());
            Assert.Equal(descriptors, Descriptors());
        }
    }

    // Built with a refusal, built without, heard, removed with a refusal, removed without.
    private int Attempt(int nth, Errno errno)
    {
        LinuxException? refusal = null;
        using (IKernelRouter router = _lab.Kernel.Open(_lab.Key))
        {
            int calls = SystemCallFaults.Run(nth, errno, () => Refused(() => Build(router)));
            DesiredRouter desired = Build(router);
            Assert.Equal(desired.Redirect, router.Observe().Redirect);
            AssertHeard();

            SystemCallFaults.Run(nth, errno, () => Refused(() => RouterRemoval.Run(router, _lab.Key, _ => { })));
            RouterRemoval.Run(router, _lab.Key, _ => { });
            Assert.True(router.Observe().IsNothing);
            return refusal is null ? calls : throw refusal;
        }

        void Refused(Action action)
        {
            try
            {
                action();
            }
            catch (LinuxException exception)
            {
                refusal ??= exception;
            }
        }
    }

    private DesiredRouter Build(IKernelRouter router)
    {
        var allocation = new RouterAllocation(
            [Example.Cidr("198.18.0.2/16"), Example.Cidr("fd96:e9e5:a::2/112")], InsideAddressAllocator.DeriveMac(Example.MachineId, _lab.Key));
        DesiredRouter desired = RouterPlanner.Plan(_lab.Key, Spec, allocation, _lab.Kernel.ObserveNode(), AgentConfiguration.Default).Desired!;
        IReadOnlyList<RouterStep> steps;
        for (int round = 0; (steps = RouterDiff.Build(desired, router.Observe(), PriorHolderCheck.Skip)).Count > 0; round++)
        {
            Assert.True(round < 4, $"there is still to do: {string.Join("; ", steps)}");
            foreach (RouterStep step in steps)
            {
                router.Apply(step);
            }
        }

        return desired;
    }

    private void AssertHeard()
    {
        int told = 0;
        void Count(Model.RouterKey key) => Interlocked.Increment(ref told);
        _lab.Kernel.RouterChanged += Count;
        try
        {
            using NetworkNamespace netns = NetworkNamespace.TryOpen(RouterNames.Netns(_lab.Key))!;
            using RouteNetlink somebody = RouteNetlink.Open(netns);
            somebody.SetLinkUp(somebody.GetRequiredLink("lo").Index, up: false);
            Eventually.True("the change to be told", () => Volatile.Read(ref told) > 0, TimeSpan.FromSeconds(15));
        }
        finally
        {
            _lab.Kernel.RouterChanged -= Count;
        }
    }

    // Not pipes: those to programs that a test runs are closed some time later.
    private static int Descriptors() => Directory.GetFiles("/proc/self/fd")
        .Select(path => new FileInfo(path).LinkTarget ?? "")
        .Count(target => target.StartsWith("socket:") || target.StartsWith("anon_inode:") || target.StartsWith("net:")
            || target.StartsWith("/run/netns/") || target.StartsWith("/memfd:") || target.StartsWith("/proc/"));
}
