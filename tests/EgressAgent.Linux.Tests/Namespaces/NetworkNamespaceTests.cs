using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Namespaces;

public sealed class NetworkNamespaceTests
{
    [Fact]
    public void Created_namespace_is_seen_by_ip_netns_and_gone_after_delete()
    {
        using ScratchNetns netns = ScratchNetns.Create();

        Assert.Contains(netns.Name, NetworkNamespace.List());
        Assert.Contains(netns.Name, Tool.Run("ip", "netns", "list"), StringComparison.Ordinal);
        Assert.Equal(NamedNamespaceState.Present, NetworkNamespace.GetState(netns.Name));
        Assert.Equal("lo", netns.IpJson("link")[0].GetProperty("ifname").GetString());

        Assert.True(NetworkNamespace.Delete(netns.Name));
        Assert.False(NetworkNamespace.Delete(netns.Name));
        Assert.Equal(NamedNamespaceState.Missing, NetworkNamespace.GetState(netns.Name));
        Assert.Null(NetworkNamespace.TryOpen(netns.Name));
        Assert.False(File.Exists(NetworkNamespace.PathOf(netns.Name)));
    }

    [Fact]
    public void Taken_name_is_a_result()
    {
        using ScratchNetns netns = ScratchNetns.Create();

        Assert.Null(NetworkNamespace.TryCreate(netns.Name));
        using NetworkNamespace? same = NetworkNamespace.TryOpen(netns.Name);
        Assert.Equal(netns.Namespace, same);
    }

    [Fact]
    public void Leftover_file_is_stale_and_can_be_deleted()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        Tool.Run("umount", "-l", NetworkNamespace.PathOf(netns.Name));

        Assert.Equal(NamedNamespaceState.Stale, NetworkNamespace.GetState(netns.Name));
        Assert.Null(NetworkNamespace.TryOpen(netns.Name));
        Assert.Null(NetworkNamespace.TryCreate(netns.Name));
        Assert.True(NetworkNamespace.Delete(netns.Name));
        Assert.Equal(NamedNamespaceState.Missing, NetworkNamespace.GetState(netns.Name));
    }

    [Fact]
    public void Stale_name_is_removed_and_no_other()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        string path = NetworkNamespace.PathOf(netns.Name);

        Assert.False(NetworkNamespace.TryRemoveStale(netns.Name));
        Tool.Run("umount", "-l", path);
        File.WriteAllText(path, "somebody's");
        Assert.False(NetworkNamespace.TryRemoveStale(netns.Name));
        File.WriteAllText(path, "");
        Assert.True(NetworkNamespace.TryRemoveStale(netns.Name));
        Assert.False(NetworkNamespace.TryRemoveStale(netns.Name));
    }

    [Fact]
    public void Namespace_is_prepared_before_it_has_its_name_and_has_none_when_that_fails()
    {
        string name = $"t-{Guid.NewGuid():N}";
        NamedNamespaceState during = NamedNamespaceState.Present;

        Assert.Throws<InvalidOperationException>(() => NetworkNamespace.TryCreate(name, netns =>
        {
            during = NetworkNamespace.GetState(name);
            using NetworkNamespace here = NetworkNamespace.Current();
            Assert.NotEqual(here, netns);
            throw new InvalidOperationException();
        }));

        Assert.Equal((NamedNamespaceState.Missing, NamedNamespaceState.Missing), (during, NetworkNamespace.GetState(name)));
    }

    [Fact]
    public void Replaced_namespace_has_another_identity()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        NetworkNamespace.Delete(netns.Name);

        using NetworkNamespace? second = NetworkNamespace.TryCreate(netns.Name);

        Assert.NotEqual(netns.Namespace, second);
        Assert.NotEqual(netns.Namespace.Id, second!.Id);
    }

    [Fact]
    public void Run_enters_nests_and_returns_also_when_the_action_throws()
    {
        using ScratchNetns outer = ScratchNetns.Create();
        using ScratchNetns inner = ScratchNetns.Create();
        NetworkNamespaceId origin = NothingLeaks.CurrentId();

        (NetworkNamespaceId Outer, NetworkNamespaceId Inner, NetworkNamespaceId Back) seen =
            outer.Namespace.Run(() => (NothingLeaks.CurrentId(), inner.Namespace.Run(NothingLeaks.CurrentId), NothingLeaks.CurrentId()));
        Assert.Throws<InvalidOperationException>(() => outer.Namespace.Run(() => throw new InvalidOperationException()));

        Assert.Equal((outer.Namespace.Id, inner.Namespace.Id, outer.Namespace.Id), seen);
        Assert.Equal(origin, NothingLeaks.CurrentId());
    }

    [Fact]
    public void Path_that_is_no_namespace_is_refused()
    {
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => NetworkNamespace.OpenPath("/proc/self/ns/mnt")).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => NetworkNamespace.OpenPath("/proc/self/ns/absent")).Errno);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    public void Name_that_is_no_path_segment_is_an_argument_error(string name) =>
        Assert.Throws<ArgumentException>(() => NetworkNamespace.PathOf(name));

    [Fact]
    public void Thread_that_stays_inside_is_found()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        using var inside = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var thread = new Thread(() => netns.Namespace.Run(() =>
        {
            inside.Set();
            leave.Wait();
        }))
        {
            Name = "strayed",
        };
        thread.Start();
        inside.Wait(TestContext.Current.CancellationToken);

        ThreadNamespace found = Assert.Single(ThreadNamespace.ListOwn(), item => item.Namespace == netns.Namespace.Id);
        leave.Set();
        thread.Join();

        Assert.Equal("strayed", found.Name);
        Assert.DoesNotContain(ThreadNamespace.ListOwn(), item => item.Namespace == netns.Namespace.Id);
    }

    [Fact]
    public void Many_are_made_at_once_without_a_leak()
    {
        using ScratchNetns another = ScratchNetns.Create();
        another.Namespace.Run(NothingLeaks.CurrentId);
        int descriptors = NothingLeaks.OpenNamespaceDescriptors();

        Parallel.For(0, 32, _ =>
        {
            using ScratchNetns netns = ScratchNetns.Create();
            Assert.Equal(netns.Namespace.Id, netns.Namespace.Run(NothingLeaks.CurrentId));
        });

        Assert.Equal(descriptors, NothingLeaks.OpenNamespaceDescriptors());
    }
}
