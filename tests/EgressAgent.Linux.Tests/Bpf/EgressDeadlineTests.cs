using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Clocks;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Filters;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Bpf;

public sealed class EgressDeadlineTests : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly ScratchLan _lan = new();
    private readonly string _name = $"t{Random.Shared.Next():x8}";
    private readonly EgressDeadline _deadline;

    public EgressDeadlineTests()
    {
        _deadline = EgressDeadline.Open(_name);
        Sysctl.Set(_lan.Router.Namespace, "net/ipv6/conf/all/disable_ipv6", 1);
        _lan.Router.Ip("address add 192.0.2.1/24 dev net1");
        _lan.Router.Ip($"neigh add 192.0.2.2 dev net1 lladdr 02:00:00:00:00:02 nud permanent");
    }

    private RouteNetlink Route => _lan.Router.Netlink;

    public void Dispose()
    {
        _deadline.Dispose();
        _lan.Dispose();
    }

    [Fact]
    public void Frames_pass_before_the_deadline_and_with_the_flag_alone()
    {
        Attach(7);
        Assert.False(Passes());
        _deadline.Deadline = BootClock.Nanoseconds + (3600 * Second);
        Assert.False(Passes());
        _deadline.SetFlag(8);
        Assert.False(Passes());
        _deadline.SetFlag(7);
        Assert.True(Passes());
        _deadline.ClearFlag(7);
        Assert.False(Passes());
        _deadline.SetFlag(7);
        _deadline.Deadline = BootClock.Nanoseconds;
        Assert.False(Passes());
    }

    [Fact]
    public void Flags_are_cleared_all_at_once()
    {
        Attach(7);
        _deadline.Deadline = BootClock.Nanoseconds + (3600 * Second);
        foreach (ulong link in (ulong[])[7, 8, 900])
        {
            _deadline.SetFlag(link);
        }

        Assert.True(Passes());

        _deadline.ClearFlags();

        Assert.False(Passes());
        Assert.False(_deadline.IsFlagSet(8) || _deadline.IsFlagSet(900));
        _deadline.ClearFlags();
        _deadline.SetFlag(7);
        Assert.True(Passes());
    }

    [Fact]
    public void Link_falls_silent_by_itself()
    {
        Attach(7);
        _deadline.SetFlag(7);
        long end = BootClock.Nanoseconds + Second;
        _deadline.Deadline = end;
        Eventually.True(() => !Passes(), "silence");
        Assert.True(BootClock.Nanoseconds >= end);
    }

    [Fact]
    public void What_another_process_made_is_found_as_long_as_a_link_has_it()
    {
        Attach(7);
        _deadline.SetFlag(7);
        _deadline.Deadline = 12345;
        _deadline.Dispose();

        using EgressDeadline next = EgressDeadline.Open(_name);
        Assert.Equal((12345, true, false), (next.Deadline, next.IsFlagSet(7), next.IsFlagSet(8)));
        next.Deadline = BootClock.Nanoseconds + (3600 * Second);
        Assert.True(Passes());

        next.Dispose();
        _lan.Router.Ip("link delete net1");
        Eventually.True(
            () =>
            {
                using EgressDeadline empty = EgressDeadline.Open(_name);
                return empty.Deadline == 0 && !empty.IsFlagSet(7);
            },
            "the kernel's maps gone with the last link");
    }

    [Fact]
    public void Program_is_known_again_by_what_it_does_and_for_whom()
    {
        Attach(7);
        EgressFilter filter = Assert.Single(Route.GetEgressFilters(_lan.Link.Index));
        Assert.Equal(("bpf", 1, 1u, 0u, true, true), (filter.Kind, filter.Preference, filter.Handle, filter.Chain, filter.IsDirectAction, filter.IsForAll));
        uint id = filter.ProgramId!.Value;

        using EgressDeadline other = EgressDeadline.Open($"{_name}x");
        using EgressProgram same = _deadline.Load(7);
        using EgressProgram otherLink = _deadline.Load(8);
        using EgressProgram otherMaps = other.Load(7);
        Assert.NotEqual(id, same.Id);
        Assert.Equal((true, false, false), (same.IsSameAs(id), otherLink.IsSameAs(id), otherMaps.IsSameAs(id)));
        Assert.False(same.IsSameAs(uint.MaxValue));
    }

    [Fact]
    public void Program_takes_the_place_of_another_one_and_is_removed_once()
    {
        Attach(7);
        Attach(8);
        _deadline.SetFlag(8);
        _deadline.Deadline = BootClock.Nanoseconds + (3600 * Second);
        Assert.True(Passes());
        _deadline.ClearFlag(8);
        Assert.False(Passes());

        Assert.True(Route.RemoveEgressProgram(_lan.Link.Index));
        Assert.True(Passes());
        Assert.False(Route.RemoveEgressProgram(_lan.Link.Index));
        _lan.Router.Exec("tc", "qdisc", "delete", "dev", "net1", "clsact");
        Assert.False(Route.RemoveEgressProgram(_lan.Link.Index));
        Assert.Empty(Route.GetEgressFilters(_lan.Link.Index));
    }

    [Fact]
    public void Ingress_that_has_the_place_of_clsact_is_named_and_what_is_in_it_is_no_egress_filter()
    {
        _lan.Router.Exec("tc", "qdisc", "add", "dev", "net1", "ingress");

        LinuxException refusal = Assert.Throws<LinuxException>(() => Attach(7));

        Assert.Equal(Errno.EEXIST, refusal.Errno);
        Assert.Contains("ingress has its place", refusal.Message);
        _lan.Router.Exec("tc", "filter", "add", "dev", "net1", "parent", "ffff:fff3", "pref", "1", "handle", "1", "bpf", "da", "bytecode", "1,6 0 0 0");
        Assert.Empty(Route.GetEgressFilters(_lan.Link.Index));
    }

    private void Attach(ulong link)
    {
        using EgressProgram program = _deadline.Load(link);
        Route.SetEgressProgram(_lan.Link.Index, program, "test");
    }

    // The other end has a frame when the call that sends it returns.
    private bool Passes()
    {
        long before = Received;
        Tool.TryRun("nsenter", $"--net=/run/netns/{_lan.Router.Name}", "bash", "-c", "echo >/dev/udp/192.0.2.2/9");
        return Received > before;
    }

    private long Received => _lan.Lan.IpJson("-s link show dev lan")[0].GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64();
}
