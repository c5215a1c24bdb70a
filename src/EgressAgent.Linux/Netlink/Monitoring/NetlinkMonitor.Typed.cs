using System.Buffers;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <inheritdoc cref="NetlinkMonitor"/>
/// <typeparam name="T">What a change is told as.</typeparam>
public abstract class NetlinkMonitor<T> : NetlinkMonitor
    where T : class
{
    // A busy monitor gives way to the others of its loop after that many datagrams.
    private const int DatagramsPerRead = 256;

    private protected NetlinkMonitor(NetlinkSocket socket)
        : base(socket)
    {
    }

    /// <summary>
    /// What stands for changes that were lost (ENOBUFS), or that cannot be read: whoever follows the state lists it anew.
    /// </summary>
    private protected abstract T Overrun { get; }

    /// <summary>What has arrived, in order, without waiting; empty when nothing has. There may be more than one call returns.</summary>
    /// <exception cref="LinuxException">The socket cannot be read.</exception>
    public IReadOnlyList<T> Read() => Read(take: null);

    /// <summary>As <see cref="Read()"/>.</summary>
    /// <param name="take">
    /// Called with each change before the kernel is told that it was received: who is killed meanwhile has it told to the next process
    /// that has the socket.
    /// </param>
    /// <exception cref="LinuxException">The socket cannot be read.</exception>
    public IReadOnlyList<T> Read(Action<T>? take)
    {
        var changes = new List<T>();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(NetlinkSocket.DatagramSize);
        try
        {
            for (int i = 0; i < DatagramsPerRead && ReadDatagram(buffer, changes, take); i++)
            {
            }

            return changes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Null for messages that tell nothing.</summary>
    private protected abstract T? Parse(in NlMsgHdr header, ref NetlinkReader reader);

    // False when nothing has arrived.
    private bool ReadDatagram(byte[] buffer, List<T> changes, Action<T>? take)
    {
        int first = changes.Count;
        bool isThere = ReadDatagram(buffer, changes, peek: take is not null);
        if (isThere && take is not null)
        {
            for (int i = first; i < changes.Count; i++)
            {
                take(changes[i]);
            }

            Socket.Receive(buffer, wait: false, out _);
        }

        return isThere;
    }

    // False when nothing has arrived.
    private bool ReadDatagram(byte[] buffer, List<T> changes, bool peek)
    {
        Errno errno = Socket.Receive(buffer, wait: false, out int length, peek);
        if (errno == Errno.EAGAIN)
        {
            return false;
        }

        if (errno == Errno.ENOBUFS || errno == Errno.EMSGSIZE)
        {
            changes.Add(Overrun);
            return true;
        }

        if (!errno.IsSuccess)
        {
            throw new LinuxException("read netlink monitor", $"of {Socket.NetnsName}", errno);
        }

        var messages = new NetlinkMessages(buffer.AsSpan(0, length));
        while (messages.MoveNext())
        {
            var reader = new NetlinkReader(messages.Payload);
            T? change = Parse(messages.Header, ref reader);
            change = reader.Fault is null ? change : Overrun;
            if (change is not null)
            {
                changes.Add(change);
            }
        }

        return true;
    }
}
