using System.Runtime.InteropServices;
using System.Text.Json;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Nftables;

public sealed class NftContextTests : IDisposable
{
    private const string Ruleset =
        """
        table inet egress_agent {
            map tcp4 {
                type inet_proto . inet_service : ipv4_addr . inet_service
                counter
                elements = { tcp . 8080 : 203.0.113.26 . 80 }
            }
            chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                iifname "eth0" dnat ip to meta l4proto . th dport map @tcp4
            }
        }
        """;

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly NftContext _nft;

    public NftContextTests() => _nft = NftContext.Open(_netns.Namespace);

    public void Dispose()
    {
        _nft.Dispose();
        _netns.Dispose();
    }

    // The runtime has a handler for some, and a process that ends sends one.
    [Fact]
    public void Signals_that_come_for_the_thread_interrupt_nothing()
    {
        using var handler = PosixSignalRegistration.Create(PosixSignal.SIGCONT, context => context.Cancel = true);
        int thread = 0;
        Exception? failure = null;
        var worker = new Thread(() =>
        {
            Volatile.Write(ref thread, gettid());
            failure = Record.Exception(() =>
            {
                for (int round = 0; round < 3000; round++)
                {
                    _nft.Run("add table inet round\ndelete table inet round");
                }
            });
        });
        worker.Start();
        while (!worker.Join(0))
        {
            if (Volatile.Read(ref thread) is not 0 and int target)
            {
                _ = tgkill(Environment.ProcessId, target, 18);
            }
        }

        Assert.Null(failure);

        [DllImport("libc")]
        static extern int gettid();

        [DllImport("libc")]
        static extern int tgkill(int process, int thread, int signal);
    }

    [Fact]
    public void Script_takes_effect_in_the_namespace_and_nowhere_else()
    {
        _nft.Run(Ruleset);

        Assert.Contains("8080", _netns.Exec("nft", "list", "ruleset"), StringComparison.Ordinal);
        Assert.DoesNotContain("8080", Tool.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
        Assert.Equal(_netns.Exec("nft", "-s", "list", "ruleset"), _nft.RunText("list ruleset", NftOutput.Stateless));
        Assert.Contains("# handle", _nft.RunText("list ruleset", NftOutput.Handles), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_json()
    {
        _nft.Run(Ruleset);

        using var document = JsonDocument.Parse(_nft.RunJson("list table inet egress_agent"));
        Assert.Contains(document.RootElement.GetProperty("nftables").EnumerateArray(), item => item.TryGetProperty("map", out _));
        Assert.StartsWith("table inet", _nft.RunText("list ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_script_is_refused_whole_and_shows_the_line()
    {
        var error = Assert.Throws<LinuxException>(() => _nft.Run("add table inet a\nadd chain inet a b {\nfrob 1\n}\n"));

        Assert.Equal(Errno.EINVAL, error.Errno);
        Assert.Contains("script:3:1-4: Error: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("frob 1\n^^^^", error.Message, StringComparison.Ordinal);
        Assert.Equal("", _nft.RunText("list ruleset"));
    }

    [Fact]
    public void Kernels_refusal_carries_its_error_number_and_undoes_the_whole_script()
    {
        var error = Assert.Throws<LinuxException>(() => _nft.Run("add table inet a\ndelete chain inet a absent"));

        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.Contains("delete chain inet a absent", error.Message, StringComparison.Ordinal);
        Assert.Contains($"in {_netns.Name}", error.Message, StringComparison.Ordinal);
        Assert.Equal("", _nft.RunText("list ruleset"));
    }

    [Fact]
    public void Many_threads_share_a_context()
    {
        _nft.Run("add table inet t; add set inet t s { type inet_service; }");

        Parallel.For(0, 200, i => _nft.Run($"add element inet t s {{ {i + 1} }}"));

        using var document = JsonDocument.Parse(_nft.RunJson("list set inet t s"));
        Assert.Equal(200, document.RootElement.GetProperty("nftables")[1].GetProperty("set").GetProperty("elem").GetArrayLength());
    }

    [Fact]
    public void Ten_thousand_elements_are_one_transaction()
    {
        string elements = string.Join(", ", Enumerable.Range(1, 10_000).Select(port => $"tcp . {port} : 203.0.113.26 . 80"));

        _nft.Run(Ruleset);
        _nft.Run($"flush map inet egress_agent tcp4; add element inet egress_agent tcp4 {{ {elements} }}");

        Assert.Contains("tcp . 10000", _nft.RunText("list map inet egress_agent tcp4"), StringComparison.Ordinal);
    }
}
