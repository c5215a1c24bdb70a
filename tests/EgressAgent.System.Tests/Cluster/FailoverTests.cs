using System.Diagnostics;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Failover;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Three nodes, three members of etcd and a client: a node fails, another one serves, and at no time two of them speak.</summary>
public sealed class FailoverTests : IDisposable
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(3);

    private readonly FailoverLab _lab;

    public FailoverTests()
    {
        Requires.Agent();
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        _lab = new FailoverLab();
    }

    public void Dispose() => _lab.Dispose();

    public static TheoryData<FailureKind> Kinds => [.. Enum.GetValues<FailureKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Another_node_serves_and_never_two_of_them_speak(FailureKind kind)
    {
        FailoverNode failing = _lab.Holder!;
        _lab.Senders.Take();
        using IDisposable questions = _lab.AskForAddress();
        using ConnectProbe client = ConnectProbe.Start(_lab.Client, FailoverLab.Address, FailoverLab.Port);
        Eventually.True("the client to be served", () => client.IsServedSince(0));
        Failure failure = new(_lab, failing, kind);

        failure.Begin();
        Eventually.True("another node to hold the router", () => _lab.Holder is { IsActive: true } holder && holder != failing);
        long now = Stopwatch.GetTimestamp();
        Eventually.True("the client to be served again", () => client.IsServedSince(now), otherwise: () => string.Join('\n', _lab.Nodes.Select(node => node.Log)));
        failure.End(after: kind == FailureKind.Hang ? Hang : TimeSpan.Zero);
        _lab.WaitUntilReady();

        SenderTurns turns = SenderTurns.Of(_lab.Senders.Take());
        Assert.Equal(failing.Number, turns.Turns[0].Node);
        Assert.True(turns.Turns.Count == 2, $"{turns}");
        Assert.Empty(turns.Overlaps(FailoverLab.FenceNanoseconds));
    }

    [Theory]
    [InlineData(FailureKind.Stop)]
    [InlineData(FailureKind.Kill)]
    [InlineData(FailureKind.Power)]
    public void Established_connections_go_on_through_the_other_node(FailureKind kind)
    {
        FailoverNode failing = _lab.Holder!;

        // Of one the client speaks next, and of the other one the partner.
        using EchoedTransfer transfer = EchoedTransfer.Start(_lab.Client, FailoverLab.Address, FailoverLab.Port, pause: TimeSpan.FromMilliseconds(20));
        using ByteStream download = ByteStream.Serve(_lab.Partner, FailoverLab.PartnerAddress, FailoverLab.StreamTarget);
        using Socket reader = _lab.Client.OpenTcp(FailoverLab.Address, FailoverLab.StreamPort);
        Thread reading = new(() => Drain(reader)) { IsBackground = true };
        reading.Start();
        transfer.WaitForBlocks(20);
        download.WaitForBytes(1);
        Failure failure = new(_lab, failing, kind);

        failure.Begin();
        Eventually.True("another node to hold the router", () => _lab.Holder is { IsActive: true } holder && holder != failing);

        transfer.WaitForBlocks(20);
        download.WaitForBytes(1 << 20);
        Assert.Equal(FailoverLab.Address, transfer.SeenSource);

        // And back again.
        failure.End(after: TimeSpan.Zero);
        _lab.WaitUntilReady();
        _lab.Holder!.StopAgent();
        Eventually.True("a node to hold the router", () => _lab.Holder is { IsActive: true });
        transfer.WaitForBlocks(20);
        download.WaitForBytes(1 << 20);
        reader.Dispose();
        reading.Join();
    }

    [Fact]
    public void Established_connections_are_known_to_a_node_whose_agent_has_started_anew()
    {
        FailoverNode holder = _lab.Holder!;
        using EchoedTransfer transfer = EchoedTransfer.Start(_lab.Client, FailoverLab.Address, FailoverLab.Port, pause: TimeSpan.FromMilliseconds(20));
        transfer.WaitForBlocks(20);
        foreach (FailoverNode standby in _lab.Nodes.Where(node => node != holder))
        {
            standby.KillAgent();
            standby.Start();
        }

        _lab.WaitUntilReady();
        Eventually.True("both to be told", () => holder.ToldNodes == 2);
        transfer.WaitForBlocks(5);
        holder.StopAgent();

        Eventually.True("another node to hold the router", () => _lab.Holder is { IsActive: true } now && now != holder);
        transfer.WaitForBlocks(20);
    }

    [Fact]
    public void Without_the_fence_two_of_them_are_seen_to_speak()
    {
        using IDisposable questions = _lab.AskForAddress();
        FailoverNode failing = _lab.Holder!;
        _lab.Senders.Take();

        failing.SuspendAgent();
        failing.RemoveFence();
        Eventually.True("another node to hold the router", () => _lab.Holder is { IsActive: true } holder && holder != failing);

        List<SentFrame> frames = [];
        Eventually.True(
            "two senders",
            () =>
            {
                frames.AddRange(_lab.Senders.Take());
                return SenderTurns.Of(frames).Overlaps(FailoverLab.FenceNanoseconds).Any();
            },
            otherwise: () => $"{SenderTurns.Of(frames)}");
        failing.ResumeAgent();
    }

    private static void Drain(Socket socket)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (socket.Receive(buffer) > 0)
            {
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // Whether it went on is seen at the other end.
        }
    }
}
