using EgressAgent.Engine.Cluster;

namespace EgressAgent.Engine.Tests.Cluster;

public sealed class HeartbeatMessageTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, HeartbeatMessage.KeySize).Select(number => (byte)number)];
    private static readonly HeartbeatMessage Message = new(IsAnswer: true, "node-a", "node-b", new Heartbeat(0x7123456789abcdef, 42, IsRenewed: true));

    [Fact]
    public void Message_thatIsSigned_comesBackAsItWas()
    {
        Assert.Equal(Message, HeartbeatMessage.Verify(Message.Sign(Key), Key));
        HeartbeatMessage beat = new(IsAnswer: false, "a", "", new Heartbeat(1, 2, IsRenewed: false));
        Assert.Equal(beat, HeartbeatMessage.Verify(beat.Sign(Key), Key));
    }

    [Fact]
    public void Message_ofWhichAnythingIsChanged_isNone()
    {
        byte[] signed = Message.Sign(Key);
        for (int i = 0; i < signed.Length; i++)
        {
            byte[] changed = [.. signed];
            changed[i] ^= 1;
            Assert.Null(HeartbeatMessage.Verify(changed, Key));
            Assert.Null(HeartbeatMessage.Verify(signed.AsSpan(0, i), Key));
        }

        Assert.Null(HeartbeatMessage.Verify(signed, new byte[HeartbeatMessage.KeySize]));
    }
}
