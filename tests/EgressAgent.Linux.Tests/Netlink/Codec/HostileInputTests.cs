using CsCheck;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;

namespace EgressAgent.Linux.Tests.Netlink.Codec;

/// <summary>Whatever arrives, every parser comes to an end and tells faults by the reader alone.</summary>
public sealed class HostileInputTests
{
    private static readonly byte[][] Genuine = [.. Captured.All];

    private static readonly Gen<byte[]> Truncated =
        Gen.Select(Gen.OneOf(Genuine), Gen.Double.Unit, (message, part) => message[..(int)(message.Length * part)]);

    private static readonly Gen<byte[]> Damaged =
        Gen.Select(Gen.OneOf(Genuine), Gen.Select(Gen.Int[0, 2000], Gen.Byte).Array[1, 8], (message, changes) =>
        {
            byte[] copy = [.. message];
            foreach ((int position, byte value) in changes)
            {
                copy[position % copy.Length] = value;
            }

            return copy;
        });

    [Fact]
    public void Noise_is_survived() => Gen.Byte.Array[0, 300].Sample(ReadAll, iter: 20_000);

    [Fact]
    public void Truncated_messages_are_survived() => Truncated.Sample(ReadAll, iter: 20_000);

    [Fact]
    public void Damaged_messages_are_survived() => Damaged.Sample(ReadAll, iter: 50_000);

    [Fact]
    public void Every_truncation_of_every_message_is_survived()
    {
        foreach (byte[] message in Genuine)
        {
            for (int length = 0; length <= message.Length; length++)
            {
                ReadAll(message[..length]);
            }
        }
    }

    private static void ReadAll(byte[] datagram)
    {
        var messages = new NetlinkMessages(datagram);
        int count = 0;
        while (messages.MoveNext())
        {
            Assert.True(++count <= datagram.Length / 16);
            Parse(messages.Payload);
            _ = NetlinkAck.Read(messages.Header, messages.Payload, datagram);
        }

        // Also without the netlink header's own checks.
        Parse(datagram.AsSpan(Math.Min(16, datagram.Length)));
    }

    private static void Parse(ReadOnlySpan<byte> payload)
    {
        var reader = new NetlinkReader(payload);
        _ = LinkMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = AddressMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = RouteMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = RuleMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = NeighbourMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = ConntrackMessage.Read(ref reader);
        reader = new NetlinkReader(payload);
        _ = NetnsIdMessage.Read(ref reader);
    }
}
