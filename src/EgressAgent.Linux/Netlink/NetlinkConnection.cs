using System.Buffers;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink;

/// <summary>Reads one message of an answer; null when it is none of the asked kind.</summary>
internal delegate T? MessageParser<out T>(ref NetlinkReader reader)
    where T : class;

/// <summary>
/// Requests and their answers over one netlink socket. Any thread may call; one request is under way at a time. The kernel answers
/// while it takes the request, so no call waits for anything but another call.
/// </summary>
internal sealed class NetlinkConnection : IDisposable
{
    // A dump during which the kernel's tables changed is inconsistent and is asked for again. Only a table that changes all the
    // time, faster than it can be read, defeats so many attempts.
    private const int DumpAttempts = 32;

    private readonly Lock _gate = new();
    private readonly NetlinkSocket _socket;
    private uint _sequence;

    private NetlinkConnection(NetlinkSocket socket) => _socket = socket;

    /// <summary>For messages.</summary>
    public string NetnsName => _socket.NetnsName;

    /// <inheritdoc cref="NetlinkSocket.TryReadNetnsCookie"/>
    public ulong? TryReadNetnsCookie() => _socket.TryReadNetnsCookie();

    /// <exception cref="LinuxException">The kernel has no such protocol, or no descriptor is left.</exception>
    public static NetlinkConnection Open(NetworkNamespace netns, int protocol)
    {
        NetlinkSocket socket = NetlinkSocket.Open(netns, protocol);
        try
        {
            // With it the kernel checks the whole of a dump request and filters by what it says, instead of ignoring it.
            socket.SetOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
            return new NetlinkConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _socket.Dispose();
        }
    }

    /// <summary>Sends a request that wants an acknowledgement (NLM_F_ACK) and returns it.</summary>
    public NetlinkResult Execute(Span<byte> request) => Exchange<object>(request, null, null, out _);

    /// <summary>
    /// Sends a request for one object and returns what the kernel says and the object. Where each object there is comes in one message
    /// (as with all that is looked up by a key), it need not be acknowledged (NLM_F_ACK): the message says it, or the refusal.
    /// </summary>
    public NetlinkResult Get<T>(Span<byte> request, MessageParser<T> parse, out T? found)
        where T : class
    {
        var list = new List<T>(1);
        NetlinkResult result = Exchange(request, parse, list, out _);
        found = list.Count > 0 ? list[0] : null;
        return result;
    }

    /// <summary>Sends a dump request (NLM_F_DUMP) and appends all objects to <paramref name="found"/>, consistently.</summary>
    public NetlinkResult Dump<T>(Span<byte> request, MessageParser<T> parse, List<T> found)
        where T : class
    {
        for (int attempt = 0; attempt < DumpAttempts; attempt++)
        {
            found.Clear();
            NetlinkResult result = Exchange(request, parse, found, out bool interrupted);
            if (!interrupted)
            {
                return result;
            }
        }

        return new NetlinkResult(Errno.EAGAIN, $"the table changed during each of {DumpAttempts} attempts to read it");
    }

    /// <summary>
    /// Sends a batch of nfnetlink, whose last change wants an acknowledgement, and returns what the kernel refused first: of the whole, or
    /// of a change. What it refused in part it has not done at all.
    /// </summary>
    public NetlinkResult ExecuteBatch(Span<byte> batch)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(NetlinkSocket.DatagramSize);
        try
        {
            lock (_gate)
            {
                (uint begin, uint last) = Number(batch);
                if (batch.Length > NetlinkSocket.DefaultSendSize)
                {
                    _socket.SetSendBuffer(batch.Length);
                }

                _socket.Send(batch);
                NetlinkResult? refusal = null;
                while (true)
                {
                    Errno errno = _socket.Receive(buffer, wait: true, out int length);
                    if (!errno.IsSuccess)
                    {
                        return new NetlinkResult(errno, "the answer could not be received");
                    }

                    var messages = new NetlinkMessages(buffer.AsSpan(0, length));
                    while (messages.MoveNext())
                    {
                        if (messages.Header.nlmsg_type != NLMSG_ERROR || messages.Header.nlmsg_seq - begin > last - begin)
                        {
                            continue;
                        }

                        NetlinkResult result = NetlinkAck.Read(messages.Header, messages.Payload, []);
                        refusal ??= result.IsSuccess ? null : result;
                        if (messages.Header.nlmsg_seq == begin || messages.Header.nlmsg_seq == last)
                        {
                            return refusal ?? result;
                        }
                    }
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The beginning, and the last change, which is followed by the end alone.
    private (uint Begin, uint LastChange) Number(Span<byte> batch)
    {
        uint begin = _sequence + 1;
        for (int start = 0; start < batch.Length;)
        {
            ref NlMsgHdr header = ref MemoryMarshal.AsRef<NlMsgHdr>(batch[start..]);
            header.nlmsg_seq = ++_sequence;
            start += NetlinkAlign.Up((int)header.nlmsg_len);
        }

        return (begin, _sequence - 1);
    }

    private NetlinkResult Exchange<T>(Span<byte> request, MessageParser<T>? parse, List<T>? found, out bool interrupted)
        where T : class
    {
        interrupted = false;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(NetlinkSocket.DatagramSize);
        try
        {
            lock (_gate)
            {
                uint sequence = ++_sequence;
                ref NlMsgHdr header = ref MemoryMarshal.AsRef<NlMsgHdr>(request);
                header.nlmsg_seq = sequence;
                bool isOneMessage = (header.nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == 0;
                _socket.Send(request);
                while (true)
                {
                    Errno errno = _socket.Receive(buffer, wait: true, out int length);
                    if (!errno.IsSuccess)
                    {
                        return new NetlinkResult(errno, "the answer could not be received");
                    }

                    var messages = new NetlinkMessages(buffer.AsSpan(0, length));
                    while (messages.MoveNext())
                    {
                        // What is left of an exchange that was given up has an older number.
                        if (messages.Header.nlmsg_seq != sequence || messages.Header.nlmsg_type == NLMSG_NOOP)
                        {
                            continue;
                        }

                        interrupted |= (messages.Header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
                        if (messages.Header.nlmsg_type is NLMSG_ERROR or NLMSG_DONE)
                        {
                            return NetlinkAck.Read(messages.Header, messages.Payload, request);
                        }

                        Collect(messages.Payload, parse, found);
                        if (isOneMessage)
                        {
                            return default;
                        }
                    }
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Collect<T>(ReadOnlySpan<byte> payload, MessageParser<T>? parse, List<T>? found)
        where T : class
    {
        if (parse is null)
        {
            return;
        }

        var reader = new NetlinkReader(payload);
        T? item = parse(ref reader);
        reader.ThrowIfMalformed();
        if (item is not null)
        {
            found!.Add(item);
        }
    }
}
