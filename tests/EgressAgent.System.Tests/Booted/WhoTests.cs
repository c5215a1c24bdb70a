using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using EgressAgent.Testing;
using EgressAgent.Testing.Journal;

namespace EgressAgent.System.Tests.Booted;

/// <summary>
/// The auditor's question to the installed agent, over records in the namespace of a booted system's own journald. The agent has no
/// more rights there than its unit gives it.
/// </summary>
public sealed class WhoTests : BootedAgentTest, IClassFixture<BootedAgentTest.Fixture>
{
    private const string Namespace = "egress-flows";

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    public WhoTests(Fixture fixture)
        : base(fixture) => Node.Check("systemctl", "start", $"systemd-journald@{Namespace}.service");

    [Fact]
    public void Flow_of_an_hour_ago_is_found_and_told_from_others_of_the_same_port()
    {
        Send([.. Enumerable.Range(0, 10).Select(i => Flow(41022, -3600 + (i * 60), -3570 + (i * 60)) with { Client = new IPEndPoint(IPAddress.Parse($"10.88.0.{i}"), 5000) })]);

        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal($"10.88.0.{i}:5000", Text(Found("192.168.12.99:41022/tcp", -3585 + (i * 60)), "client")));
        JsonElement wrong = Who("192.168.12.99:41022/tcp", -3555, isFound: false);
        Assert.Equal(["10.88.0.0:5000", "10.88.0.1:5000"], wrong.GetProperty("nearest").EnumerateArray().Select(flow => Text(flow, "client")));
    }

    [Fact]
    public void Flow_that_spans_restarts_of_agent_and_journald_is_one()
    {
        Send(Flow(41023, -600, 0) with { Event = "start" });
        Assert.Equal("unknown", Text(Found("192.168.12.99:41023/tcp", -60), "state"));

        Node.Check("systemctl", "restart", $"systemd-journald@{Namespace}.service");
        Node.Check("journalctl", $"--namespace={Namespace}", "--rotate");
        Node.Check("systemctl", "restart", "egress-agentd");
        Send(Flow(41023, -600, -5));

        JsonElement flow = Found("192.168.12.99:41023/tcp", -60);
        Assert.Equal(("ended", "198.18.0.1:41022"), (Text(flow, "state"), Text(flow, "client")));
    }

    [Fact]
    public void Both_families_are_found()
    {
        IPEndPoint source = IPEndPoint.Parse("[2001:db8:12::99]:41024");
        Send(
            Flow(41024, -600, -500),
            Flow(41024, -600, -500) with { Source = source, Client = IPEndPoint.Parse("[2001:db8::7]:5"), Destination = IPEndPoint.Parse("[2001:db8::80]:443"), Protocol = "udp" });

        Assert.Equal("198.18.0.1:41022", Text(Found("192.168.12.99:41024/tcp", -550), "client"));
        JsonElement six = Found("[2001:db8:12::99]:41024/udp", -550);
        Assert.Equal(("[2001:db8::7]:5", "[2001:db8::80]:443"), (Text(six, "client"), Text(six, "destination")));
    }

    [Fact]
    public void Question_is_for_who_may_read_the_journal()
    {
        Assert.Contains("Access denied", Node.RunUnprivileged("egressctl", "who", "192.168.12.99:1/tcp").Errors);
        string group = Node.Check("getent", "group", "systemd-journal").Split(':')[2];
        CommandResult member = Node.Run("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups", group, "--", "egressctl", "who", "192.168.12.99:1/tcp");
        Assert.Equal((1, ""), (member.ExitCode, member.Errors));
        Assert.StartsWith("no flow of 192.168.12.99:1/tcp is known at ", member.Output);
    }

    [Fact]
    public void Completion_of_bash_offers_the_address()
    {
        string words = Node.Check(
            "bash",
            "-c",
            ". /usr/share/bash-completion/completions/egressctl; COMP_LINE='egressctl who 192'; COMP_POINT=17; COMP_WORDS=(egressctl who 192); COMP_CWORD=2; _egressctl 2>/dev/null; echo \"${COMPREPLY[@]}\"");

        Assert.Equal("192.168.12.99:\n", words);
    }

    private static FlowEntry Flow(ushort port, double start, double end) => new()
    {
        Router = Router,
        Source = new IPEndPoint(IPAddress.Parse("192.168.12.99"), port),
        Start = Now + TimeSpan.FromSeconds(start),
        End = Now + TimeSpan.FromSeconds(end),
    };

    private void Send(params FlowEntry[] flows)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Node.PathOf($"/run/systemd/journal.{Namespace}/socket")));
        foreach (FlowEntry flow in flows)
        {
            socket.Send(Encoding.UTF8.GetBytes(flow.Text));
        }

        Node.Check("journalctl", $"--namespace={Namespace}", "--sync");
    }

    private JsonElement Found(string source, double at) => Assert.Single(Who(source, at, isFound: true).GetProperty("flows").EnumerateArray());

    private JsonElement Who(string source, double at, bool isFound)
    {
        CommandResult result = Node.Run("egressctl", "who", source, "--at", $"{Now + TimeSpan.FromSeconds(at):yyyy-MM-dd'T'HH:mm:ss'Z'}", "--json");
        Assert.True(result.ExitCode == (isFound ? 0 : 1), result + Agent.Journal());
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;
}
