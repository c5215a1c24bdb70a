using System.Text;
using System.Text.Json.Nodes;
using EgressAgent.Daemon.Names;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Names;

/// <summary>The names of Services for the node itself: in its hosts file, and with systemd-resolved.</summary>
public sealed class EtcHostsTests : IDisposable
{
    private const string Mark = "0123456789abcdef";
    private const string ServiceLine = "198.19.0.9 partner.default.svc.cluster.local partner.default.svc partner.default partner";

    // "é" of ISO 8859-1 is no UTF-8, and the last line has no end.
    private static readonly byte[] Foreign = [.. "# static names\n127.0.0.1 localhost\n127.0.1.1\tnode1.example.net node1 alias.example.net # "u8, 0xe9];

    private readonly TemporaryDirectory _root;
    private readonly RecordingLogger<EtcHostsTests> _log = new();
    private ResourceRegistry _registry;
    private NameWriter? _writer;

    public EtcHostsTests()
    {
        // A file that is not root's is left alone.
        Requires.Root();
        _root = new TemporaryDirectory();
        _registry = NewRegistry();
        Directory.CreateDirectory(_root["etc"]);
        File.WriteAllBytes(Hosts, Foreign);
    }

    private string Hosts => _root["etc/hosts"];

    private string Records => _root["resolve/static.d/egress-agentd.rr"];

    [Fact]
    public void Names_are_a_block_before_all_others_until_the_node_is_not_to_have_them()
    {
        Read(Service("partner"));
        Start();

        Assert.Equal([.. Block(ServiceLine), .. Foreign], File.ReadAllBytes(Hosts));

        Read(Service("other"));
        Eventually.Holds(() => Assert.Equal([.. Block("198.19.0.9 other.default.svc.cluster.local other.default.svc other.default other"), .. Foreign], File.ReadAllBytes(Hosts)));

        Start(isForNode: false);
        Assert.Equal(Foreign, File.ReadAllBytes(Hosts));
        Assert.Equal(["hosts"], Directory.GetFiles(_root["etc"]).Select(Path.GetFileName));
    }

    [Fact]
    public void Names_that_an_earlier_agent_left_stay_until_something_is_known()
    {
        Directory.CreateDirectory(_root["resolve/static.d"]);
        Read(Service("partner"));
        Start();
        byte[] hosts = File.ReadAllBytes(Hosts);
        string records = File.ReadAllText(Records);

        // The state is lost, and no file was read.
        _registry.Dispose();
        _registry = NewRegistry();
        Start();
        Stop();
        Assert.Equal(hosts, File.ReadAllBytes(Hosts));
        Assert.Equal(records, File.ReadAllText(Records));

        Start();
        Read(Service("other"));
        Eventually.Holds(() => Assert.Contains("\n198.19.0.9 other.default.", File.ReadAllText(Hosts), StringComparison.Ordinal));
        Assert.DoesNotContain("partner", File.ReadAllText(Hosts), StringComparison.Ordinal);
    }

    [Fact]
    public void File_with_a_byte_order_mark_keeps_its_bytes()
    {
        byte[] before = [0xef, 0xbb, 0xbf, .. "# é\n127.0.0.1 localhost\n"u8];
        File.WriteAllBytes(Hosts, before);
        Read(Service("partner"));
        Start();
        Assert.Equal([.. Block(ServiceLine), .. before], File.ReadAllBytes(Hosts));

        Start(isForNode: false);
        Assert.Equal(before, File.ReadAllBytes(Hosts));
    }

    [Fact]
    public void System_without_the_file_has_none_again_when_the_names_go()
    {
        File.Delete(Hosts);
        Read(Service("partner"));
        Start();
        Assert.Equal(Block(ServiceLine), File.ReadAllBytes(Hosts));

        Start(isForNode: false);
        Assert.False(File.Exists(Hosts));
    }

    [Fact]
    public void File_that_was_the_agent_s_alone_stays_when_somebody_writes_into_it_meanwhile()
    {
        File.WriteAllBytes(Hosts, Block(ServiceLine));
        bool isWritten = false;

        // The node's name is asked for between the look at the file and its end.
        var hosts = new EtcHosts(Hosts, new AgentOwner(Mark, "/var/lib/egress-agentd"), () =>
        {
            if (!isWritten)
            {
                File.AppendAllText(Hosts, "127.0.0.1 localhost\n");
                isWritten = true;
            }

            return "node1";
        });

        Assert.Empty(hosts.Write([]));
        Assert.Equal("127.0.0.1 localhost\n", File.ReadAllText(Hosts));
    }

    [Fact]
    public void File_is_another_one_with_the_same_mode()
    {
        Command.Check("chmod", "640", Hosts);
        using FileStream open = File.OpenRead(Hosts);
        Read(Service("partner"));
        Start();

        Assert.Equal("0:0 640\n", Command.Check("stat", "--format=%u:%g %a", Hosts));
        Assert.NotEqual(Foreign, File.ReadAllBytes(Hosts));

        // Who had it open goes on reading the whole of what it was.
        Assert.Equal(Foreign.Length, open.Length);
    }

    [Fact]
    public void Block_that_somebody_takes_away_or_moves_is_put_back()
    {
        Read(Service("partner"));
        Start();
        byte[] written = File.ReadAllBytes(Hosts);
        byte[] block = written[..^Foreign.Length];

        File.WriteAllBytes(Hosts, Foreign);
        Eventually.Holds(() => Assert.Equal(written, File.ReadAllBytes(Hosts)));
        File.WriteAllBytes(Hosts, [.. Foreign, .. "\n"u8, .. block]);
        Eventually.Holds(() => Assert.Equal([.. block, .. Foreign, .. "\n"u8], File.ReadAllBytes(Hosts)));
    }

    [Fact]
    public void Blocks_of_two_agents_are_left_side_by_side()
    {
        byte[] other = Block("198.19.0.7 other.example", "fedcba9876543210");
        File.WriteAllBytes(Hosts, [.. other, .. Block(ServiceLine), .. Foreign]);
        byte[] before = File.ReadAllBytes(Hosts);
        Read(Service("partner"));

        Start();
        Assert.Equal(before, File.ReadAllBytes(Hosts));

        Start(isForNode: false);
        Assert.Equal([.. other, .. Foreign], File.ReadAllBytes(Hosts));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("node1")]
    [InlineData("alias.example.net")]
    public void Name_of_the_node_itself_is_left_out_and_told(string name)
    {
        bool isService = !name.Contains('.');
        Read(Service(isService ? name : "partner", isService ? "" : $"egressagent.org/hostnames: {name}"));
        Directory.CreateDirectory(_root["resolve/static.d"]);
        Start();

        string block = Encoding.Latin1.GetString(File.ReadAllBytes(Hosts)[..^Foreign.Length]);
        Assert.DoesNotMatch($@"[ \t]{name}[\s]", block);
        Assert.Contains(".default.svc ", block, StringComparison.Ordinal);
        Assert.DoesNotContain($"\"{name}\"", File.ReadAllText(Records), StringComparison.Ordinal);
        Assert.Equal([$"{Hosts}: {name} is a name of this node itself, and leads to no Service here: give the Service another name"], _log.Of(EventIds.NamesWarning));
    }

    [Fact]
    public void Name_that_stands_elsewhere_in_the_file_is_told_with_its_end()
    {
        File.WriteAllBytes(Hosts, [.. "203.0.113.5 WWW.partner.example\n"u8, .. Foreign]);
        Read(Service("partner", "egressagent.org/hostnames: www.partner.example"));
        Start();
        Assert.Equal(
            [$"{Hosts}: WWW.partner.example also stands outside the agent's block, with 203.0.113.5: a program that tries all addresses of a name may connect there, from the node's own address; take that out"],
            _log.Of(EventIds.NamesWarning));
        Assert.Empty(_registry.Faults);

        File.WriteAllBytes(Hosts, Foreign);
        Eventually.Holds(() => Assert.Equal($"{Hosts}: nothing is odd about the names any more", _log.Of(EventIds.NamesWarning)[^1]));
    }

    [Theory]
    [InlineData("ln --symbolic other hosts", "it is a symbolic link")]
    [InlineData("ln other hosts", "it is a file of several names (hard links)")]
    [InlineData("cp other hosts; chown 12 hosts", "it does not belong to root:root")]
    [InlineData("cp other hosts; chgrp 34 hosts", "it does not belong to root:root")]
    [InlineData("touch hosts; mount --bind other hosts", "it is a mount")]
    [InlineData("echo '# BEGIN egress-agentd 0123456789abcdef' >hosts", "the agent's block has no end")]
    public void File_that_is_not_to_be_edited_is_left_alone_and_a_fault_until_it_is_mended(string make, string fault)
    {
        File.Move(Hosts, _root["etc/other"]);
        Command.Check("sh", "-c", $"cd {_root["etc"]}; {make}");
        byte[] before = File.ReadAllBytes(Hosts);
        Read(Service("partner"));
        try
        {
            Start();
            Assert.Equal(before, File.ReadAllBytes(Hosts));
            Assert.Equal(Foreign, File.ReadAllBytes(_root["etc/other"]));
            Assert.Contains(fault, Assert.Single(_registry.Faults).ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Command.Run("umount", Hosts);
        }

        File.Delete(Hosts);
        File.Move(_root["etc/other"], Hosts);
        Eventually.Holds(() => Assert.Empty(_registry.Faults));
        Assert.StartsWith("# BEGIN egress-agentd ", Encoding.Latin1.GetString(File.ReadAllBytes(Hosts)), StringComparison.Ordinal);
        Assert.Equal($"{Hosts}: the names of Services are written again", _log.Of(EventIds.NamesFault)[^1]);
    }

    [Fact]
    public void Block_without_an_end_is_a_fault_until_it_is_mended_also_where_the_node_is_not_to_have_the_names()
    {
        string directory = _root["run/hosts.d/egress-agentd"];
        Directory.CreateDirectory(Path.GetDirectoryName(directory)!);
        File.WriteAllText(directory, $"{ServiceLine}\n");
        File.WriteAllText(Hosts, $"# BEGIN egress-agentd {Mark}\n");

        Start(isForNode: false);
        Assert.Contains("the agent's block has no end", Assert.Single(_registry.Faults).ToString(), StringComparison.Ordinal);

        File.WriteAllBytes(Hosts, Foreign);
        Eventually.Holds(() => Assert.Empty(_registry.Faults));
        Assert.Equal(Foreign, File.ReadAllBytes(Hosts));

        // Nothing is known yet: others keep the names of an earlier agent.
        Assert.Equal($"{ServiceLine}\n", File.ReadAllText(directory));
    }

    [Fact]
    public void Records_stay_as_they_are_while_the_node_s_own_names_cannot_be_told()
    {
        const string Alias = "alias.example.net";
        Directory.CreateDirectory(_root["resolve/static.d"]);
        Read(Service("partner", $"egressagent.org/hostnames: {Alias}"));
        Start();
        string before = File.ReadAllText(Records);

        // At once: of a file that is empty for a moment the agent would make one with its block.
        File.WriteAllBytes($"{Hosts}~", [.. Foreign, .. "\n# BEGIN egress-agentd "u8, .. Encoding.ASCII.GetBytes(Mark)]);
        File.Move($"{Hosts}~", Hosts, overwrite: true);
        Read(Service("other", $"egressagent.org/hostnames: {Alias}"));
        Eventually.Holds(() => Assert.Single(_registry.Faults));
        Stop();

        Assert.Equal(before, File.ReadAllText(Records));
    }

    // systemd.rr(5).
    [Fact]
    public void Systemd_resolved_gets_static_records_where_it_runs()
    {
        Read(Service("partner", "egressagent.org/hostnames: www.partner.example", "clusterIPs: [198.19.0.9, 'fd96:e9e5:b::9'], ipFamilyPolicy: RequireDualStack"));
        Start();
        Assert.False(Directory.Exists(_root["resolve"]));

        // The agent may not write there: it gets a directory in it at its start.
        Directory.CreateDirectory(_root["resolve"]);
        Start();
        Assert.Empty(Directory.GetFileSystemEntries(_root["resolve"]));
        Assert.Empty(_registry.Faults);

        // Another's link in the place of the file, or of one that is written first, leads nowhere.
        Directory.CreateDirectory(_root["resolve/static.d"]);
        Command.Check("ln", "--symbolic", Hosts, Records);
        Command.Check("ln", "--symbolic", _root["victim"], _root["resolve/static.d/.egress-agentd.rr.egress-agentd"]);
        Start();
        Assert.False(File.Exists(_root["victim"]));
        Assert.Equal("regular file 644\n", Command.Check("stat", "--format=%F %a", Records));
        JsonArray records = JsonNode.Parse(File.ReadAllText(Records))!.AsArray();
        Assert.Equal(10, records.Count);
        Assert.Equal("""{"key":{"name":"www.partner.example","type":1},"address":[198,19,0,9]}""", records[4]!.ToJsonString());
        Assert.Equal("""{"key":{"name":"www.partner.example","type":28},"address":[253,150,233,229,0,11,0,0,0,0,0,0,0,0,0,9]}""", records[9]!.ToJsonString());
        Assert.Equal([Records], Directory.GetFiles(_root["resolve/static.d"]));

        Start(isForNode: false);
        Assert.False(File.Exists(Records));
    }

    public void Dispose()
    {
        Stop();
        _registry.Dispose();
        _root.Dispose();
    }

    private static byte[] Block(string line, string mark = Mark) => Encoding.ASCII.GetBytes(
        $"# BEGIN egress-agentd {mark}: names of Services, kept by egress-agentd (etcHosts in its settings)\n{line}\n# END egress-agentd {mark}\n");

    private static string Service(string name, string annotations = "", string fields = "clusterIP: 198.19.0.9") =>
        $"{{apiVersion: v1, kind: Service, metadata: {{name: {name}, annotations: {{{annotations}}}}}, spec: {{{fields}, selector: {{app: egress-router-cni}}, ports: [{{port: 80}}]}}}}\n";

    private ResourceRegistry NewRegistry() =>
        new(new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, _log);

    private void Read(string yaml) => _registry.Apply(new FilesReading("routers", [RouterFileParser.Parse("service.yaml", Encoding.UTF8.GetBytes(yaml))], []));

    private void Start(bool isForNode = true)
    {
        Stop();
        EtcHosts hosts = new(Hosts, new AgentOwner(Mark, "/var/lib/egress-agentd"), () => "node1");
        _writer = new NameWriter(_registry, new HostsDirectory(_root["run"]), hosts, new StaticRecords(_root["resolve"], "egress-agentd", hosts), isForNode);
    }

    private void Stop()
    {
        _writer?.Dispose();
        _writer = null;
    }
}
