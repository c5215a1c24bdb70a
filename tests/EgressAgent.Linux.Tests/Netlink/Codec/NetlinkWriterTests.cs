using System.Net;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Tests.Netlink.Codec;

public sealed class NetlinkWriterTests
{
    [Fact]
    public void Route_request_is_what_iproute2_sends()
    {
        var request = new NetlinkWriter(new byte[NetlinkWriter.BufferSize], RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        request.Write(new RtMsg { rtm_family = 2, rtm_dst_len = 16, rtm_protocol = 3, rtm_type = 1, rtm_flags = RTNH_F_ONLINK });
        request.WriteAddress(RTA_DST, IPAddress.Parse("10.9.0.0"));
        request.WriteAddress(RTA_GATEWAY, IPAddress.Parse("192.168.12.1"));
        request.WriteUInt32(RTA_TABLE, 1000);
        request.WriteInt32(RTA_OIF, 3);

        Assert.Equal(WithoutSequence(Captured.RouteRequest), request.Finish().ToArray());
    }

    [Fact]
    public void Address_request_is_what_iproute2_sends()
    {
        var request = new NetlinkWriter(new byte[NetlinkWriter.BufferSize], RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        request.Write(new IfAddrMsg { ifa_family = 2, ifa_prefixlen = 24, ifa_index = 3 });
        request.WriteAddress(IfAddrH.IFA_LOCAL, IPAddress.Parse("192.168.12.99"));
        request.WriteAddress(IfAddrH.IFA_ADDRESS, IPAddress.Parse("192.168.12.99"));

        Assert.Equal(WithoutSequence(Captured.AddressRequest), request.Finish().ToArray());
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        byte[] buffer = new byte[NetlinkWriter.BufferSize];
        var writer = new NetlinkWriter(buffer, 99, 0);
        writer.Write(new RtGenMsg { rtgen_family = 7 });
        writer.WriteByte(1, 200);
        int outer = writer.BeginNested(2);
        writer.WriteString(3, "naïve");
        int inner = writer.BeginNested(4);
        writer.WriteUInt16BigEndian(5, 0x1234);
        writer.WriteUInt32BigEndian(6, 0x12345678);
        writer.EndNested(inner);
        writer.EndNested(outer);
        writer.WriteInt32(7, -5);

        var messages = new NetlinkMessages(writer.Finish());
        Assert.True(messages.MoveNext());
        Assert.Equal((99, NLM_F_REQUEST), (messages.Header.nlmsg_type, messages.Header.nlmsg_flags));
        var reader = new NetlinkReader(messages.Payload);
        Assert.Equal(7, reader.Read<RtGenMsg>().rtgen_family);
        Assert.True(reader.MoveNext());
        Assert.Equal((1, 200), (reader.Type, reader.GetByte()));
        Assert.True(reader.MoveNext());
        (int, int) rest = reader.Enter();
        Assert.True(reader.MoveNext());
        Assert.Equal("naïve", reader.GetString());
        Assert.True(reader.MoveNext());
        (int, int) restOfOuter = reader.Enter();
        Assert.True(reader.MoveNext());
        Assert.Equal(0x1234, reader.GetUInt16BigEndian());
        Assert.True(reader.MoveNext());
        Assert.Equal(0x12345678u, reader.GetUInt32BigEndian());
        Assert.False(reader.MoveNext());
        reader.Leave(restOfOuter);
        Assert.False(reader.MoveNext());
        reader.Leave(rest);
        Assert.True(reader.MoveNext());
        Assert.Equal((7, -5), (reader.Type, reader.GetInt32()));
        Assert.False(reader.MoveNext());
        Assert.Null(reader.Fault);
        Assert.False(messages.MoveNext());
    }

    [Fact]
    public void Request_that_does_not_fit_is_a_bug_of_the_caller() =>
        Assert.Throws<InvalidOperationException>(() => new NetlinkWriter(new byte[32], 1, 0).WriteString(1, new string('x', 100)));

    private static byte[] WithoutSequence(byte[] message)
    {
        message.AsSpan(8, 4).Clear();
        return message;
    }
}
