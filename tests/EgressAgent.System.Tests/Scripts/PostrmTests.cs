using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Scripts;

/// <summary>What a purge of the package does to the node's hosts file, where /etc, /run and /var/lib are the test's own.</summary>
public sealed class PostrmTests : IDisposable
{
    private const string Own = "127.0.0.1 localhost\n";
    private const string Begin = "# BEGIN egress-agentd 0123456789abcdef: names of Services\n";
    private const string End = "# END egress-agentd 0123456789abcdef\n";
    private const string OtherEnd = "# END egress-agentd fedcba9876543210\n";
    private const string Line = "198.19.0.9 partner\n";

    private readonly string _etc;

    public PostrmTests()
    {
        Requires.Root();
        _etc = Directory.CreateTempSubdirectory("egress-test-").FullName;
    }

    private string Hosts => Path.Combine(_etc, "hosts");

    public void Dispose() => Directory.Delete(_etc, recursive: true);

    [Theory]
    [InlineData(Begin + Line + End + Own, Own)]
    [InlineData(Own + Begin + Line + End + Begin + End + Own + "# no newline", Own + Own + "# no newline")]
    [InlineData(Own + Begin + Own, Own + Begin + Own)]
    [InlineData(Begin + Line + End + Own + Begin + Own, Own + Begin + Own)]
    [InlineData(Begin + Own + Begin + Line + End + Own, Begin + Own + Own)]
    [InlineData(End + Own + Begin + Own, End + Own + Begin + Own)]
    [InlineData(Begin + Own + OtherEnd + Own, Begin + Own + OtherEnd + Own)]
    public void Purge_takes_whole_blocks_alone(string before, string after)
    {
        File.WriteAllText(Hosts, before);

        Purge();

        Assert.Equal(after, File.ReadAllText(Hosts));
    }

    [Fact]
    public void Purge_takes_a_file_of_which_nothing_is_left()
    {
        File.WriteAllText(Hosts, Begin + Line + End);

        Purge();

        Assert.Empty(Directory.GetFileSystemEntries(_etc));
    }

    [Fact]
    public void Purge_succeeds_where_the_file_cannot_be_replaced()
    {
        File.WriteAllText(Hosts, Begin + Line + End);

        CommandResult purge = Purge("mount --bind /etc/hosts /etc/hosts");

        Assert.Contains("the block of egress-agentd is left in /etc/hosts", purge.Errors);
        Assert.Equal(Begin + Line + End, File.ReadAllText(Hosts));
        Assert.Single(Directory.GetFileSystemEntries(_etc));
    }

    private CommandResult Purge(string first = "true")
    {
        CommandResult result = Command.Run(
            "unshare",
            "--mount",
            "sh",
            "-c",
            $"mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mount --bind \"$0\" /etc && {first} && exec sh \"$1\" purge",
            _etc,
            Repository.PathOf("packaging/debian/postrm"));
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }
}
