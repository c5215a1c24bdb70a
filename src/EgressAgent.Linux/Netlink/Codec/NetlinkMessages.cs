using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>Walks the messages of one received datagram. It ends at the first one that does not fit.</summary>
internal ref struct NetlinkMessages(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    public NlMsgHdr Header { get; private set; }

    /// <summary>What follows the netlink header.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    public unsafe bool MoveNext()
    {
        if (!MemoryMarshal.TryRead(_rest, out NlMsgHdr header)
            || header.nlmsg_len < sizeof(NlMsgHdr)
            || header.nlmsg_len > _rest.Length)
        {
            _rest = default;
            return false;
        }

        int length = (int)header.nlmsg_len;
        Header = header;
        Payload = _rest[sizeof(NlMsgHdr)..length];
        _rest = _rest[Math.Min(NetlinkAlign.Up(length), _rest.Length)..];
        return true;
    }
}
