using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Namespaces;

public sealed class MountMonitorTests
{
    [Fact]
    public void Each_name_that_comes_and_goes_is_told()
    {
        using var loop = new NetlinkMonitorLoop();
        using MountMonitor monitor = MountMonitor.Open();
        int told = 0;
        loop.Add(monitor, () => Interlocked.Increment(ref told));

        int before = Volatile.Read(ref told);
        using ScratchNetns netns = ScratchNetns.Create();
        Eventually.True(() => Volatile.Read(ref told) > before, "the new name is told");

        before = Volatile.Read(ref told);
        Assert.True(NetworkNamespace.Delete(netns.Name));
        Eventually.True(() => Volatile.Read(ref told) > before, "the deleted name is told");

        Assert.True(loop.Remove(monitor));
    }

    [Fact]
    public void Name_without_a_namespace_has_no_id_of_one()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        Assert.Equal(netns.Namespace.Id, NetworkNamespace.TryGetId(netns.Name));

        Assert.True(NetworkNamespace.Delete(netns.Name));

        Assert.Null(NetworkNamespace.TryGetId(netns.Name));
    }
}
