using System.Buffers.Binary;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Nftables;

public sealed class NftConnectionTests : IDisposable
{
    private const string Table = "add table inet t\nadd map inet t m { type inet_proto . inet_service : ipv4_addr . inet_service; counter; }";
    private const byte Tcp = 6;

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly NftContext _nft;
    private readonly NftConnection _connection;

    public NftConnectionTests()
    {
        _nft = NftContext.Open(_netns.Namespace);
        _nft.Run(Table);
        _connection = NftConnection.Open(_netns.Namespace);
    }

    public void Dispose()
    {
        _connection.Dispose();
        _nft.Dispose();
        _netns.Dispose();
    }

    [Fact]
    public void Elements_are_as_nft_itself_writes_them()
    {
        var batch = new NftBatch("t");
        batch.Add("m", [Element(8080, "web 8080/TCP"), Element(53)]);
        Assert.True(_connection.TryCommit(batch, _connection.ReadGeneration()));
        string written = List();

        _nft.Run($$"""
            delete table inet t
            {{Table}}
            add element inet t m { tcp . 8080 comment "web 8080/TCP" : 203.0.113.26 . 80, tcp . 53 : 203.0.113.26 . 80 }
            """);

        Assert.Contains("tcp . 8080 counter packets 0 bytes 0 comment \"web 8080/TCP\" : 203.0.113.26 . 80", written);
        Assert.Equal(Elements(List()), Elements(written));
    }

    [Fact]
    public void Each_transaction_is_one_generation()
    {
        uint before = _connection.ReadGeneration();
        Commit(batch => batch.Add("m", [Element(1)]));
        Commit(batch => batch.Delete("m", [Element(1) with { Value = null }]));
        _nft.Run("add table inet other");

        Assert.Equal(NftConnection.Next(NftConnection.Next(NftConnection.Next(before))), _connection.ReadGeneration());
    }

    [Fact]
    public void Nothing_is_done_after_somebody_else_wrote()
    {
        uint generation = _connection.ReadGeneration();
        _nft.Run("add table inet other");
        string before = List();
        var batch = new NftBatch("t");
        batch.Add("m", [Element(1)]);

        Assert.False(_connection.TryCommit(batch, generation));

        Assert.Equal(before, List());
        Assert.True(_connection.TryCommit(batch, _connection.ReadGeneration()));
    }

    // The refused change comes first, the acknowledged one last.
    [Theory]
    [InlineData("m", 1, "EEXIST")]
    [InlineData("missing", 1, "ENOENT")]
    public void Nothing_is_done_where_one_change_is_refused(string set, int port, string errno)
    {
        Commit(batch => batch.Add("m", [Element(1)]));
        string before = List();
        uint generation = _connection.ReadGeneration();
        var batch = new NftBatch("t");
        batch.Add(set, [Element((ushort)port) with { Value = [203, 0, 113, 99, 0, 80, 0, 0] }]);
        batch.Add("m", [Element(2)]);

        LinuxException refusal = Assert.Throws<LinuxException>(() => _connection.TryCommit(batch, generation));

        Assert.Equal(errno, refusal.Errno.ToString());
        Assert.Equal(before, List());
        Assert.Equal(generation, _connection.ReadGeneration());
        Commit(later => later.Add("m", [Element(2)]));
    }

    [Fact]
    public void Many_elements_are_one_transaction()
    {
        NftElement[] elements = [.. Enumerable.Range(1, 60_000).Select(port => Element((ushort)port, new string('x', 120)))];
        uint generation = _connection.ReadGeneration();

        Commit(batch => batch.Add("m", elements));

        Assert.Equal(NftConnection.Next(generation), _connection.ReadGeneration());
        Assert.Equal(60_000, Elements(List()).Count());
        Commit(batch => batch.Delete("m", elements.Select(element => element with { Value = null })));
        Assert.DoesNotContain("elements", List());
    }

    [Fact]
    public void Cookie_is_the_namespace_s_own()
    {
        using ScratchNetns other = ScratchNetns.Create();
        using NftConnection again = NftConnection.Open(_netns.Namespace);
        using NftConnection elsewhere = NftConnection.Open(other.Namespace);

        Assert.NotNull(_connection.NetnsCookie);
        Assert.Equal(_connection.NetnsCookie, again.NetnsCookie);
        Assert.NotEqual(_connection.NetnsCookie, elsewhere.NetnsCookie);
    }

    private void Commit(Action<NftBatch> write)
    {
        var batch = new NftBatch("t");
        write(batch);
        Assert.True(_connection.TryCommit(batch, _connection.ReadGeneration()));
    }

    private static NftElement Element(ushort port, string? comment = null)
    {
        byte[] key = [Tcp, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(4), port);
        return new NftElement(key, [203, 0, 113, 26, 0, 80, 0, 0], comment);
    }

    private string List() => _nft.RunText("list table inet t");

    private static IEnumerable<string> Elements(string listing) =>
        listing.Split("elements = {")[1].Split('}')[0].Split(',', StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal);
}
