using System.Text;
using EgressAgent.Daemon.Names;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine.Registry;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Names;

public sealed class ResolverFilesTests : IDisposable
{
    private const string Stub = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.com\n";

    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingLogger<ResolverFilesTests> _log = new();
    private readonly ResourceRegistry _registry;
    private ResolverFiles? _files;

    public ResolverFilesTests()
    {
        _registry = new ResourceRegistry(new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, _log);
        foreach (string directory in (string[])["etc", "resolve", "run", "elsewhere"])
        {
            Directory.CreateDirectory(_directory[directory]);
        }
    }

    private string Node => _directory["etc/resolv.conf"];

    private string Upstream => _directory["resolve/resolv.conf"];

    private string Router => _directory["run/netns/default.web/resolv.conf"];

    [Theory]
    [InlineData("nameserver 192.0.2.53\nnameserver 127.0.0.1\nnameserver ::1\nsearch example.com\noptions ndots:2\n", null, "nameserver 192.0.2.53\nsearch example.com\noptions ndots:2\n")]
    [InlineData("# comment\nnameserver\t2001:db8::53 \r\n; more\n", "nameserver 192.0.2.1\n", "nameserver 2001:db8::53\n")]
    [InlineData(Stub, "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch .\n", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch .\n")]
    [InlineData("nameserver 0.0.0.0\nnameserver ::ffff:127.0.0.53\nnameserver fe80::1%eth0\nnameserver ::\n", "nameserver 192.0.2.1\n", "nameserver 192.0.2.1\n")]
    [InlineData(null, "nameserver 192.0.2.1\n", "nameserver 192.0.2.1\n")]
    public void File_names_the_servers_that_are_not_on_the_node(string? node, string? upstream, string expected)
    {
        Write(node, upstream);
        Start();
        Read("a.yaml", Example.Document());

        Assert.Equal(expected, Servers(File.ReadAllText(Router)));
    }

    [Theory]
    [InlineData(Stub, null)]
    [InlineData("nameserver 127.0.0.1\nsearch example.com\n", "nameserver 127.0.0.1\n")]
    [InlineData(null, null)]
    public void File_says_that_there_is_no_server_that_can_be_reached(string? node, string? upstream)
    {
        Write(node, upstream);
        Start();
        Read("a.yaml", Example.Document());

        Assert.Contains($"# No name server: all that {Node} names are on the node itself", File.ReadAllText(Router), StringComparison.Ordinal);
        Assert.DoesNotContain("\nnameserver", File.ReadAllText(Router), StringComparison.Ordinal);
    }

    [Fact]
    public void File_is_there_as_long_as_the_router_and_outlives_the_agent()
    {
        Write("nameserver 192.0.2.53\n", null);
        Start();
        Assert.False(Directory.Exists(_directory["run/netns"]));
        Read("a.yaml", Example.Document());
        Assert.Equal((UnixFileMode)0b110_100_100, File.GetUnixFileMode(Router));

        _files!.Dispose();
        Assert.True(File.Exists(Router));

        Start();
        Assert.True(File.Exists(Router));
        _registry.Apply(new FilesReading("routers", [], ["a.yaml"]));
        Assert.Empty(Directory.GetDirectories(_directory["run/netns"]));
    }

    [Theory]
    [InlineData("nameserver 192.0.2.54\n")]
    [InlineData("nameserver 192.0.2.54\nnameserver 192.0.2.55\nsearch a-domain-that-is-longer.example.com\n")]
    public void Whoever_has_the_file_open_or_mounted_sees_the_nodes_new_servers(string later)
    {
        Write("nameserver 192.0.2.53\nsearch example.com\n", null);
        Start();
        Read("a.yaml", Example.Document());
        using FileStream open = File.OpenRead(Router);

        // As editors do, and systemd-resolved.
        File.WriteAllText(Node + "~", later);
        File.Move(Node + "~", Node, overwrite: true);

        Eventually.Holds(() => Assert.Equal(later, Servers(File.ReadAllText(Router))));
        using StreamReader reader = new(open);
        Assert.Equal(later, Servers(reader.ReadToEnd()));
    }

    [Fact]
    public void Target_of_a_link_and_the_upstream_servers_are_followed()
    {
        File.WriteAllText(_directory["elsewhere/resolv.conf"], "nameserver 192.0.2.1\n");
        File.CreateSymbolicLink(Node, "../elsewhere/resolv.conf");
        Start();
        Read("a.yaml", Example.Document());
        Assert.Equal("nameserver 192.0.2.1\n", Servers(File.ReadAllText(Router)));

        File.WriteAllText(_directory["elsewhere/resolv.conf"], "nameserver 192.0.2.2\n");
        Eventually.Holds(() => Assert.Equal("nameserver 192.0.2.2\n", Servers(File.ReadAllText(Router))));

        File.WriteAllText(Upstream, "nameserver 192.0.2.3\n");
        File.WriteAllText(_directory["elsewhere/resolv.conf"], Stub);
        Eventually.Holds(() => Assert.Equal("nameserver 192.0.2.3\n", Servers(File.ReadAllText(Router))));

        File.WriteAllText(Upstream, "nameserver 192.0.2.4\n");
        Eventually.Holds(() => Assert.Equal("nameserver 192.0.2.4\n", Servers(File.ReadAllText(Router))));
    }

    [Fact]
    public void That_it_cannot_be_written_is_told_and_when_it_is_over()
    {
        Write("nameserver 192.0.2.53\n", null);
        File.WriteAllText(_directory["run/netns"], "");
        Start();
        Read("a.yaml", Example.Document());
        Assert.Contains(_registry.Faults, fault => fault.Message.StartsWith("the resolv.conf of routers cannot be written", StringComparison.Ordinal));

        File.Delete(_directory["run/netns"]);
        Read("b.yaml", Example.Document().Replace("name: web", "name: other", StringComparison.Ordinal).Replace("192.168.12.99", "192.168.12.98", StringComparison.Ordinal));

        Assert.Empty(_registry.Faults);
        Assert.True(File.Exists(Router));
    }

    public void Dispose()
    {
        _files?.Dispose();
        _registry.Dispose();
        _directory.Dispose();
    }

    private static string Servers(string text) => string.Concat(text.Split('\n').Where(line => line is not ("" or ['#', ..])).Select(line => line + "\n"));

    private void Start() => _files = new ResolverFiles(_registry, _directory["run"], Node, Upstream);

    private void Write(string? node, string? upstream)
    {
        foreach ((string path, string? text) in new[] { (Node, node), (Upstream, upstream) })
        {
            if (text is not null)
            {
                File.WriteAllText(path, text);
            }
        }
    }

    private void Read(string path, string yaml) => _registry.Apply(new FilesReading("routers", [RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml))], []));
}
