using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Redirect;

/// <summary>The table of a router whose flows are offloaded, on a kernel that has flowtables: tests/vm.</summary>
public sealed class FlowtableTests : IDisposable
{
    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();
    private readonly DirectoryInfo _runtime = Directory.CreateTempSubdirectory("egress-notes-");
    private readonly RulesetTable _table;

    public FlowtableTests()
    {
        _table = NextTable();
        AddLink("eth0");
        AddLink("net1");
    }

    private NetworkNamespace Netns => _scratch.Namespace;

    public void Dispose()
    {
        _scratch.Dispose();
        _runtime.Delete(recursive: true);
    }

    [Fact]
    public void Links_come_in_one_by_one_and_the_table_stays_known()
    {
        _table.Apply(Plans.Offload, Netns);
        Assert.Empty(RulesetTable.FindOffloadedLinks(Netns)!);

        _table.Offload(Plans.Offload.Key, "eth0", Netns);
        _table.Offload(Plans.Offload.Key, "net1", Netns);
        _table.Offload(Plans.Offload.Key, "net1", Netns);

        Assert.Equal(["eth0", "net1"], RulesetTable.FindOffloadedLinks(Netns)!.Order());
        Assert.DoesNotContain("memfd_create", SystemCalls.Of(() => Assert.Equal(Plans.Offload, _table.Observe(Netns))));
    }

    [Fact]
    public void Link_that_goes_leaves_the_flowtable_and_one_of_its_name_is_not_in_it()
    {
        _table.Apply(Plans.Offload, Netns);
        _table.Offload(Plans.Offload.Key, "eth0", Netns);

        Command.Check("ip", "-n", _scratch.Name, "link", "delete", "eth0");
        AddLink("eth0");

        Assert.Empty(RulesetTable.FindOffloadedLinks(Netns)!);
        Assert.Equal(Plans.Offload, _table.Observe(Netns));
    }

    [Fact]
    public void Link_that_is_not_there_is_refused_and_the_table_stays_known()
    {
        _table.Apply(Plans.Offload, Netns);

        LinuxException refusal = Assert.Throws<LinuxException>(() => _table.Offload(Plans.Offload.Key, "none", Netns));

        Assert.Equal(Errno.ENOENT, refusal.Errno);
        Assert.Equal(Plans.Offload, _table.Observe(Netns));
    }

    [Fact]
    public void Next_agent_knows_the_table_by_its_note_and_the_links_by_looking()
    {
        _table.Apply(Plans.Offload, Netns);
        _table.Offload(Plans.Offload.Key, "eth0", Netns);
        RulesetTable next = NextTable();

        IReadOnlyList<string> calls = SystemCalls.Of(() => next.Apply(Plans.Offload, Netns));

        Assert.DoesNotContain("memfd_create", calls);
        Assert.Equal(Plans.Offload, next.Observe(Netns));
        Assert.Equal(["eth0"], RulesetTable.FindOffloadedLinks(Netns)!);
    }

    [Fact]
    public void Somebody_who_writes_to_another_table_meanwhile_makes_no_difference()
    {
        _table.Apply(Plans.Offload, Netns);
        _table.Offload(Plans.Offload.Key, "eth0", Netns);

        Command.Check("nsenter", $"--net=/run/netns/{_scratch.Name}", "--", "nft", "add table inet other");

        Assert.Equal(Plans.Offload, _table.Observe(Netns));
    }

    [Fact]
    public void Source_that_is_given_up_takes_the_flowtable_along_and_one_that_is_added_does_not()
    {
        FamilyRedirect family = Plans.Offload.Families[0];
        RedirectPlan more = Plans.Offload with { Families = [family with { Reserved = [.. family.Reserved, IPAddress.Parse("192.168.12.97")] }, Plans.Offload.Families[1]] };
        _table.Apply(Plans.Offload, Netns);
        _table.Offload(Plans.Offload.Key, "eth0", Netns);

        _table.Apply(more, Netns);
        Assert.Equal(["eth0"], RulesetTable.FindOffloadedLinks(Netns)!);

        _table.Apply(Plans.Offload, Netns);
        Assert.Empty(RulesetTable.FindOffloadedLinks(Netns)!);
    }

    [Fact]
    public void Flowtable_comes_and_goes_with_the_plan()
    {
        RedirectPlan without = Plans.Offload with { OffloadsFlows = false };
        _table.Apply(without, Netns);
        Assert.Null(RulesetTable.FindOffloadedLinks(Netns));

        _table.Apply(Plans.Offload, Netns);
        _table.Offload(Plans.Offload.Key, "eth0", Netns);
        _table.Apply(without, Netns);

        Assert.Null(RulesetTable.FindOffloadedLinks(Netns));
        Assert.Equal(without, _table.Observe(Netns));
    }

    private RulesetTable NextTable() => new(new RulesetNotes(_runtime.FullName));

    private void AddLink(string name) => Command.Check("ip", "-n", _scratch.Name, "link", "add", name, "type", "veth", "peer", "name", $"p-{name}");
}
