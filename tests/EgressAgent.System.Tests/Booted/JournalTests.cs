using System.Text.RegularExpressions;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Booted;

/// <summary>What the journal tells, by field and with explanations.</summary>
public sealed partial class JournalTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    [Fact]
    public void Entries_of_a_router_tell_its_whole_story_with_its_values()
    {
        string story = Agent.Journal("--output=cat", "EGRESS_ROUTER=" + Router);

        Assert.Contains("create network namespace egress.default.egress-router-redirect", story);
        Assert.Contains("create macvlan net1 on eth0, mode Bridge", story);
        Assert.Contains("add address 198.18.0.2/16 on eth0", story);
        Assert.Contains("claim address 192.168.12.99/24 on net1", story);
        Assert.Contains("set route default via 192.168.12.1 dev net1", story);
        Assert.Contains("iif net1 lookup 100", story);
        Assert.Contains("redirect: 3 rules", story);
        Assert.Contains("in force", story);
    }

    [Fact]
    public void Entries_have_the_documented_fields()
    {
        string entry = Agent.Journal("--output=export", "--lines=1", "EGRESS_ROUTER=" + Router, "EGRESS_NAMESPACE=default");

        Assert.Contains("SYSLOG_IDENTIFIER=egress-agentd\n", entry);
        Assert.Contains("_SYSTEMD_UNIT=egress-agentd.service\n", entry);
        Assert.Matches("MESSAGE_ID=[0-9a-f]{32}\n", entry);
    }

    [Fact]
    public void Message_reads_as_on_a_terminal()
    {
        string story = Agent.Journal("--output=cat", "EGRESS_ROUTER=" + Router);

        Assert.Contains($"{Router}: in force, 3 rules, leaving as 192.168.12.99 by eth0\n", story);
    }

    [Fact]
    public void Fault_is_found_by_its_message_id_and_explained()
    {
        Agent.WriteRouter(Agent.ReadExample().Replace("protocol: UDP", "protocol: udp"));
        Agent.WaitForStatus(text => text.StartsWith("1 router degraded", StringComparison.Ordinal));

        string explained = Agent.Journal("--catalog", "MESSAGE_ID=" + MessageIds()["FileFault"]);

        Assert.Contains("egress-router-redirect.yaml:", explained);
        Assert.Contains("Subject: A router file is in error", explained);
        Assert.Contains("egress-agentd check /etc/egress-router", explained);
    }

    [Fact]
    public void Story_with_explanations_says_each_thing_once()
    {
        string[] story = Agent.Journal("--catalog", "EGRESS_ROUTER=" + Router, "_PID=" + Agent.Show("MainPID")).Split('\n');

        Assert.Contains(story, line => line.EndsWith("set net1 up, mode Bridge", StringComparison.Ordinal) || line.Contains(": create macvlan net1"));
        string[] subjects = [.. story.Where(line => line.Contains(" Subject: "))];
        Assert.NotEmpty(subjects);
        Assert.Equal(subjects.Distinct(), subjects);
    }

    [Fact]
    public void Every_message_id_has_its_catalog_entry()
    {
        string catalog = Node.Check("journalctl", "--no-pager", "--list-catalog");

        Assert.NotEmpty(MessageIds());
        Assert.All(MessageIds(), id => Assert.Contains(id.Value, catalog));
    }

    private static Dictionary<string, string> MessageIds() =>
        MessageIdLine().Matches(File.ReadAllText(Repository.PathOf("src/egress-agentd/Logging/MessageIds.cs")))
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);

    [GeneratedRegex("EventIds\\.(\\w+) => \"([0-9a-f]{32})\"")]
    private static partial Regex MessageIdLine();
}
