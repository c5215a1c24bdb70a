using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>
/// Reads NLMSG_ERROR and NLMSG_DONE, both of which end an exchange: a negative error number, for NLMSG_ERROR the request's
/// header (the whole request where the kernel does not cap it), and the attributes of the extended acknowledgement.
/// </summary>
internal static class NetlinkAck
{
    /// <param name="header">The answer's header.</param>
    /// <param name="payload">What follows it.</param>
    /// <param name="request">The request, to say which attribute an offset means.</param>
    public static NetlinkResult Read(in NlMsgHdr header, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> request)
    {
        // A dump that ended well may carry no number at all.
        if (!MemoryMarshal.TryRead(payload, out int error))
        {
            return header.nlmsg_type == NLMSG_DONE
                ? new NetlinkResult(Errno.Success, null)
                : new NetlinkResult(Errno.EBADMSG, "an acknowledgement without an error number");
        }

        string? text = null;
        if (error != 0 && (header.nlmsg_flags & NLM_F_ACK_TLVS) != 0)
        {
            text = ReadText(payload[Math.Min(AttributesStart(header, payload), payload.Length)..], request);
        }

        return new NetlinkResult(new Errno(-error), text);
    }

    private static unsafe int AttributesStart(in NlMsgHdr header, ReadOnlySpan<byte> payload)
    {
        if (header.nlmsg_type == NLMSG_DONE)
        {
            return sizeof(int);
        }

        bool capped = (header.nlmsg_flags & NLM_F_CAPPED) != 0;
        return capped || !MemoryMarshal.TryRead(payload[sizeof(int)..], out NlMsgHdr original)
            ? sizeof(int) + sizeof(NlMsgHdr)
            : sizeof(int) + NetlinkAlign.Up((int)Math.Min(original.nlmsg_len, (uint)payload.Length));
    }

    private static string? ReadText(ReadOnlySpan<byte> attributes, ReadOnlySpan<byte> request)
    {
        string? message = null;
        string? about = null;
        var reader = new NetlinkReader(attributes);
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NLMSGERR_ATTR_MSG:
                    message = reader.GetString();
                    break;
                case NLMSGERR_ATTR_OFFS:
                    about = DescribeAttribute(reader.GetUInt32(), request);
                    break;
                case NLMSGERR_ATTR_MISS_TYPE:
                    about = $"attribute {reader.GetUInt32()} is missing";
                    break;
            }
        }

        return message is null ? about : about is null ? message : $"{message} ({about})";
    }

    private static string? DescribeAttribute(uint offset, ReadOnlySpan<byte> request) =>
        offset + 4 <= request.Length
            ? $"attribute {MemoryMarshal.Read<ushort>(request[(int)(offset + 2)..]) & NLA_TYPE_MASK} at byte {offset}"
            : null;
}

/// <summary>How the kernel answered a request.</summary>
/// <param name="Errno">The error number, or success.</param>
/// <param name="KernelText">The text of the extended acknowledgement, and which attribute it is about, where the kernel says so.</param>
internal readonly record struct NetlinkResult(Errno Errno, string? KernelText)
{
    public bool IsSuccess => Errno.IsSuccess;

    public LinuxException ToException(string operation, string subject) => new(operation, subject, Errno, KernelText);
}
