using System.Diagnostics;
using System.Text.RegularExpressions;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Redirect;

// The table in a real kernel, in a namespace of its own.
public sealed partial class RulesetTableTests : IDisposable
{
    private const string ListTable = "list table inet egress_agent";

    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();
    private readonly NftContext _nft;
    private readonly RulesetTable _table = new();
    private readonly DirectoryInfo _runtime = Directory.CreateTempSubdirectory("egress-notes-");

    public RulesetTableTests() => _nft = NftContext.Open(Netns);

    public void Dispose()
    {
        _nft.Dispose();
        _scratch.Dispose();
        _runtime.Delete(recursive: true);
    }

    [Theory]
    [MemberData(nameof(Plans.Names), MemberType = typeof(Plans))]
    public void Every_plan_is_taken_by_nft_and_seen_in_force(string name)
    {
        _table.Apply(Plans.All[name], Netns);

        Assert.Equal(Plans.All[name], _table.Observe(Netns));
    }

    [Fact]
    public void Every_plan_becomes_every_other()
    {
        RedirectPlan[] plans = [.. Plans.All.Values.Where(plan => plan.Key == Example.Key)];
        foreach (RedirectPlan before in plans)
        {
            foreach (RedirectPlan after in plans)
            {
                _table.Apply(before, Netns);
                _table.Apply(after, Netns);

                Assert.Equal(after, _table.Observe(Netns));
                Assert.Equal(Fresh(after), Listing(NftOutput.Stateless));
            }
        }
    }

    [Fact]
    public void Nothing_is_in_force_before_the_first_plan() => Assert.Null(_table.Observe(Netns));

    [Fact]
    public void Same_plan_again_leaves_every_handle_as_it_was()
    {
        _table.Apply(Plans.All["dual-stack"], Netns);
        string before = Listing(NftOutput.Handles);

        _table.Apply(Plans.All["dual-stack"], Netns);

        Assert.Equal(before, Listing(NftOutput.Handles));
    }

    [Fact]
    public void New_agent_does_not_know_the_plan_and_takes_the_table_over_as_it_is()
    {
        _table.Apply(Plans.Example, Netns);
        string before = Listing(NftOutput.None);
        string tableHandle = TableHandle();
        var next = new RulesetTable();
        Assert.Null(next.Observe(Netns));

        next.Apply(Plans.Example, Netns);

        Assert.Equal(Plans.Example, next.Observe(Netns));
        Assert.Equal(before, Listing(NftOutput.None));
        Assert.Equal(tableHandle, TableHandle());
    }

    [Fact]
    public void Counters_of_rules_that_stay_go_on()
    {
        _table.Apply(Plans.Example, Netns);
        _nft.Run("""
            delete element inet egress_agent redirects_ip { tcp . 8443 : 203.0.113.26 . 443 }
            add element inet egress_agent redirects_ip { tcp . 8443 counter packets 7 bytes 420 : 203.0.113.26 . 443 }
            """);

        _table.Apply(Plans.Example with { Rules = [Example.Rule(8081, "203.0.113.26", 80), .. Plans.Example.Rules.Skip(1)] }, Netns);

        Assert.Equal(7ul, RulesetReader.ReadElements(_nft.RunJson(ListTable))[new(TransportProtocol.TCP, 8443)].Connections);
    }

    [Theory]
    [InlineData("add rule inet egress_agent guard accept")]
    [InlineData("insert rule inet egress_agent through accept")]
    [InlineData("flush chain inet egress_agent guard")]
    [InlineData("flush map inet egress_agent redirects_ip")]
    [InlineData("add element inet egress_agent redirects_ip { tcp . 1 : 203.0.113.1 . 1 }")]
    [InlineData("delete element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.26 . 80 }")]
    [InlineData("add chain inet egress_agent other")]
    [InlineData("add element inet egress_agent clients_ip { 192.0.2.0/24 }")]
    [InlineData("flush set inet egress_agent clients_ip")]
    [InlineData("delete table inet egress_agent")]
    [InlineData("flush table inet egress_agent")]
    public void Change_by_somebody_else_is_seen_and_repaired(string change)
    {
        RedirectPlan plan = Plans.All["clients"];
        _table.Apply(plan, Netns);
        _nft.Run(change);
        Assert.Null(_table.Observe(Netns));

        _table.Apply(plan, Netns);

        Assert.Equal(plan, _table.Observe(Netns));
        Assert.Equal(Fresh(plan), Listing(NftOutput.Stateless));
    }

    // nf_tables compares the key alone when an element is deleted.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Element_that_somebody_leads_elsewhere_is_put_right_and_goes_with_its_rule(bool goes)
    {
        RedirectPlan plan = goes ? Plans.Example with { Rules = [.. Plans.Example.Rules.Skip(1)] } : Plans.Example;
        _table.Apply(Plans.Example, Netns);
        _nft.Run("delete element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.26 . 80 }\nadd element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.66 . 80 }");
        Assert.Null(_table.Observe(Netns));

        _table.Apply(plan, Netns);

        Assert.Equal(plan, _table.Observe(Netns));
        Assert.Equal(Fresh(plan), Listing(NftOutput.Stateless));
    }

    [Fact]
    public void Table_of_somebody_else_under_our_name_is_replaced()
    {
        _nft.Run("""
            add table inet egress_agent
            add chain inet egress_agent guard { type filter hook input priority 0; policy drop; }
            add map inet egress_agent redirects_ip { type inet_service : ipv4_addr; }
            """);

        _table.Apply(Plans.Example, Netns);

        Assert.Equal(Fresh(Plans.Example), Listing(NftOutput.Stateless));
    }

    // Each listing would show what somebody else has just written as the agent's own.
    [Fact]
    public void Somebody_who_writes_at_the_same_time_is_noticed()
    {
        RedirectPlan other = Plans.Example with { Rules = [Example.Rule(8080, "203.0.113.99", 80), .. Plans.Example.Rules.Skip(1)] };
        _table.Apply(Plans.Example, Netns);
        for (int round = 0; round < 50; round++)
        {
            using var intruder = Process.Start("nsenter", [
                $"--net=/run/netns/{_scratch.Name}", "sh", "-c", $"sleep 0.0{round:00}; nft 'add rule inet egress_agent guard accept comment \"intruder\"'"]);
            while (!intruder.HasExited)
            {
                _table.Apply(round % 2 == 0 ? other : Plans.Example, Netns);
            }

            Assert.False(_table.Observe(Netns) is not null && Listing(NftOutput.None).Contains("intruder"), $"unnoticed in round {round}");
        }

        _table.Apply(Plans.Example, Netns);
        Assert.Equal(Plans.Example, _table.Observe(Netns));
        Assert.Equal(Fresh(Plans.Example), Listing(NftOutput.Stateless));
    }

    [Fact]
    public void Other_tables_are_left_alone()
    {
        _nft.Run("add table inet other\nadd chain inet other c { type filter hook input priority 0; policy drop; }");
        string before = _nft.RunText("list table inet other");

        _table.Apply(Plans.Example, Netns);
        _table.Apply(Plans.All["dual-stack"], Netns);

        Assert.Equal(before, _nft.RunText("list table inet other"));
    }

    [Fact]
    public void Plan_that_the_kernel_refuses_leaves_the_one_before_in_force()
    {
        _table.Apply(Plans.Example, Netns);
        RedirectPlan impossible = Plans.Example with { Rules = [.. Plans.Example.Rules, Example.Rule(1, "2001:db8::1", 1)] };

        Assert.Throws<LinuxException>(() => _table.Apply(impossible, Netns));

        Assert.Equal(Plans.Example, _table.Observe(Netns));
    }

    [Fact]
    public void Sweep_that_failed_is_done_again()
    {
        _table.Apply(Plans.All["relay"], Netns);
        _scratch.Conntrack("-I", "-p", "udp", "-s", "192.0.2.1", "-d", "198.18.0.2", "--sport", "1000", "--dport", "53", "-t", "100");

        Assert.Throws<LinuxException>(() => _table.Apply(Plans.Example, Netns, (_, _) => throw new LinuxException("open", "netns", Errno.EMFILE)));
        Assert.Null(_table.Observe(Netns));

        Assert.True(_table.Apply(Plans.Example, Netns));
        Assert.Equal(Plans.Example, _table.Observe(Netns));
    }

    [Fact]
    public void Ten_thousand_rules_are_applied_and_one_is_changed()
    {
        RedirectPlan plan = Plans.WithRules(10_000);
        var clock = Stopwatch.StartNew();
        _table.Apply(plan, Netns);
        TimeSpan whole = clock.Elapsed;
        clock.Restart();
        _table.Apply(plan with { Rules = [Example.Rule(1, "203.0.113.1", 9), .. plan.Rules.Skip(1)] }, Netns);
        TestContext.Current.SendDiagnosticMessage($"10,000 rules: {whole.TotalMilliseconds:0} ms, one more: {clock.ElapsedMilliseconds} ms");

        Assert.NotNull(_table.Observe(Netns));
        Assert.Equal(10_000, RulesetReader.ReadElements(_nft.RunJson(ListTable)).Count);
    }

    [Fact]
    public void Edit_of_one_rule_asks_as_little_of_the_kernel_with_ten_thousand_rules_as_with_ten()
    {
        string[] few = [.. CallsOfAnEdit(10)];

        Assert.Equal(few, CallsOfAnEdit(10_000));
        Assert.DoesNotContain("memfd_create", few);
        Assert.Equal(["sendto", "sendto", "sendto"], few.Where(call => call == "sendto"));
    }

    // An edit, and the look that follows it.
    private static IReadOnlyList<string> CallsOfAnEdit(int rules)
    {
        using ScratchNamespace scratch = ScratchNamespace.Create();
        var table = new RulesetTable();
        RedirectPlan plan = Plans.WithRules(rules);
        table.Apply(plan, scratch.Namespace);
        RedirectPlan edited = Edit(plan, 9);
        table.Apply(Edit(plan, 8), scratch.Namespace);
        IReadOnlyList<string> calls = SystemCalls.Of(() =>
        {
            table.Apply(edited, scratch.Namespace);
            Assert.Equal(edited, table.Observe(scratch.Namespace));
        });
        using NftContext nft = NftContext.Open(scratch.Namespace);
        Assert.Equal(Fresh(edited), Sorted(nft.RunText(ListTable, NftOutput.Stateless)));
        return calls;
    }

    private static RedirectPlan Edit(RedirectPlan plan, ushort target) => plan with { Rules = [Example.Rule(1, "203.0.113.1", target), .. plan.Rules.Skip(1)] };

    [Fact]
    public void Table_that_another_agent_left_and_nobody_touched_is_adopted_without_being_listed()
    {
        RulesetNotes notes = NewNotes();
        new RulesetTable(notes).Apply(Plans.Example, Netns);
        AddFlowOfNoPlan();
        var next = new RulesetTable(notes);

        IReadOnlyList<string> calls = SystemCalls.Of(() => next.Apply(Plans.Example, Netns));

        Assert.Single(calls, call => call == "sendto");
        Assert.DoesNotContain("memfd_create", calls);
        Assert.Equal(Plans.Example, next.Observe(Netns));

        // All flows were known to follow the plan; a look at them would have cut this one.
        Assert.Contains("192.0.2.1", _scratch.ListConntrack());
    }

    [Theory]
    [InlineData("add rule inet egress_agent guard accept")]
    [InlineData("delete element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.26 . 80 }")]
    [InlineData("delete table inet egress_agent")]
    [InlineData("add table inet other")]
    public void Table_that_somebody_may_have_touched_since_is_not_adopted_by_its_note(string change)
    {
        RulesetNotes notes = NewNotes();
        new RulesetTable(notes).Apply(Plans.Example, Netns);
        _nft.Run(change);
        AddFlowOfNoPlan();
        var next = new RulesetTable(notes);

        Assert.True(next.Apply(Plans.Example, Netns));

        Assert.Equal(Plans.Example, next.Observe(Netns));
        Assert.Equal(Fresh(Plans.Example), Listing(NftOutput.Stateless));
    }

    [Fact]
    public void Note_of_another_plan_adopts_nothing()
    {
        RulesetNotes notes = NewNotes();
        new RulesetTable(notes).Apply(Plans.Example, Netns);
        var next = new RulesetTable(notes);

        next.Apply(Plans.All["clients"], Netns);

        Assert.Equal(Plans.All["clients"], next.Observe(Netns));
        Assert.Equal(Fresh(Plans.All["clients"]), Listing(NftOutput.Stateless));
    }

    // As when the netns is deleted and made again: its inode may be the same.
    [Fact]
    public void Note_of_another_namespace_adopts_nothing()
    {
        RulesetNotes notes = NewNotes();
        using (ScratchNamespace former = ScratchNamespace.Create())
        {
            new RulesetTable(notes).Apply(Plans.Example, former.Namespace);
        }

        _nft.Run("add table inet egress_agent");
        var next = new RulesetTable(notes);
        next.Apply(Plans.Example, Netns);

        Assert.Equal(Fresh(Plans.Example), Listing(NftOutput.Stateless));
    }

    [Fact]
    public void Table_in_a_namespace_that_was_made_anew_is_not_taken_for_the_former()
    {
        using (ScratchNamespace former = ScratchNamespace.Create())
        {
            _table.Apply(Plans.Example, former.Namespace);
        }

        _nft.Run("add table inet egress_agent");

        Assert.Null(_table.Observe(Netns));
        _table.Apply(Plans.Example, Netns);
        Assert.Equal(Fresh(Plans.Example), Listing(NftOutput.Stateless));
    }

    [Theory]
    [InlineData("example", false)]
    [InlineData("goes", true)]
    [InlineData("leads elsewhere", true)]
    [InlineData("comes", false)]
    [InlineData("clients", true)]
    [InlineData("fallback", true)]
    public void Flows_are_swept_only_where_an_edit_can_make_one_wrong(string edit, bool isSwept)
    {
        RedirectPlan plan = edit switch
        {
            "goes" => Plans.Example with { Rules = [.. Plans.Example.Rules.Skip(1)] },
            "leads elsewhere" => Plans.Example with { Rules = [Example.Rule(8080, "203.0.113.99", 80), .. Plans.Example.Rules.Skip(1)] },
            "comes" => Plans.Example with { Rules = [.. Plans.Example.Rules, Example.Rule(1, "203.0.113.26", 1)] },
            _ => Plans.All[edit],
        };
        _table.Apply(Plans.Example, Netns);
        AddFlowOfNoPlan();

        Assert.Equal(isSwept, _table.Apply(plan, Netns));
    }

    [Fact]
    public void New_rule_takes_what_went_to_the_fallback()
    {
        RedirectPlan plan = Plans.All["fallback"];
        _table.Apply(plan, Netns);
        AddFlowOfNoPlan();

        Assert.True(_table.Apply(plan with { Rules = [.. plan.Rules, Example.Rule(1, "203.0.113.26", 1)] }, Netns));
    }

    [Fact]
    public void Flows_are_swept_after_somebody_wrote_though_the_table_is_as_it_was()
    {
        _table.Apply(Plans.Example, Netns);
        _nft.Run("add rule inet egress_agent guard accept comment \"intruder\"");
        string handle = IntruderPattern().Match(Listing(NftOutput.Handles)).Groups[1].Value;
        _nft.Run($"delete rule inet egress_agent guard handle {handle}");
        AddFlowOfNoPlan();
        Assert.Equal(Plans.Example, _table.Observe(Netns));

        Assert.True(_table.Apply(Plans.Example with { Rules = [.. Plans.Example.Rules, Example.Rule(1, "203.0.113.26", 1)] }, Netns));
    }

    // A client's, that nothing redirects.
    private void AddFlowOfNoPlan() => _scratch.Conntrack("-I", "-p", "udp", "-s", "192.0.2.1", "-d", "198.18.0.2", "--sport", "1000", "--dport", "5353", "-t", "100");

    private RulesetNotes NewNotes() => new(_runtime.FullName);

    // Inside libnftables a protocol's name is looked up in storage that the whole process shares.
    [Fact]
    public void Datapaths_of_several_routers_do_not_mix_up_their_protocols()
    {
        TransportProtocol[] protocols = Enum.GetValues<TransportProtocol>();
        string?[] outcomes = new string?[protocols.Length];
        Thread[] threads = [.. protocols.Select((protocol, index) => new Thread(() => outcomes[index] = UseOneProtocol(protocol)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromMinutes(1))));
        Assert.All(outcomes, outcome => Assert.Equal("as applied", outcome));
    }

    private static string UseOneProtocol(TransportProtocol protocol)
    {
        using ScratchNamespace scratch = ScratchNamespace.Create();
        var datapath = new RulesetTable();
        for (ushort round = 1; round <= 10; round++)
        {
            RedirectPlan plan = Plans.Example with
            {
                Rules = [.. Enumerable.Range(1, 500).Select(port => Example.Rule((ushort)port, "203.0.113.26", round, protocol))],
            };
            try
            {
                datapath.Apply(plan, scratch.Namespace);
            }
            catch (LinuxException exception)
            {
                return exception.Message;
            }

            if (datapath.Observe(scratch.Namespace) != plan)
            {
                return $"{protocol}: another plan is in force in round {round}";
            }
        }

        return "as applied";
    }

    private NetworkNamespace Netns => _scratch.Namespace;

    private string Listing(NftOutput output) => Sorted(_nft.RunText(ListTable, output));

    // What a table looks like that was made with the plan at once.
    private static string Fresh(RedirectPlan plan)
    {
        using ScratchNamespace scratch = ScratchNamespace.Create();
        using NftContext nft = NftContext.Open(scratch.Namespace);
        nft.Run(RulesetScript.Create(Ruleset.Compile(plan), replace: false));
        return Sorted(nft.RunText(ListTable, NftOutput.Stateless));
    }

    private string TableHandle() => HandlePattern().Match(_nft.RunText(ListTable, NftOutput.Handles)).Value;

    // A map lists its elements in the order of a hash that differs from table to table.
    private static string Sorted(string listing) => ElementsPattern().Replace(
        listing, match => string.Join(", ", match.Value.Split(',', StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal)));

    [GeneratedRegex(@"intruder"" # handle (\d+)")]
    private static partial Regex IntruderPattern();

    [GeneratedRegex(@"table inet egress_agent \{ # handle \d+")]
    private static partial Regex HandlePattern();

    [GeneratedRegex(@"(?<=elements = \{)[^}]*")]
    private static partial Regex ElementsPattern();
}
