using System.Buffers.Binary;
using System.Net;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.InetDiagH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink.SocketDiagnostics;

/// <summary>The TCP and UDP sockets of one namespace (sock_diag(7)). Any thread may call; requests are made one at a time.</summary>
public sealed class SocketTable : IDisposable
{
    private readonly NetlinkConnection _connection;

    private SocketTable(NetlinkConnection connection) => _connection = connection;

    /// <summary>Opens a socket in <paramref name="netns"/>, which it keeps alive.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static SocketTable Open(NetworkNamespace netns) => new(NetlinkConnection.Open(netns, NETLINK_SOCK_DIAG));

    public void Dispose() => _connection.Dispose();

    /// <summary>
    /// The socket that takes what comes from <paramref name="remote"/> to <paramref name="local"/>; of several that share a UDP port,
    /// the one that gets the answers. It costs the kernel one look into a hash table, however many sockets there are. Null where
    /// there is none, where TCP merely listens there, and where no process has the connection any more (TIME_WAIT).
    /// </summary>
    /// <param name="protocol">6 for TCP, 17 for UDP.</param>
    /// <param name="local">The end that is here.</param>
    /// <param name="remote">The other end, of the same family.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public InetSocket? Find(byte protocol, IPEndPoint local, IPEndPoint remote)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], SOCK_DIAG_BY_FAMILY, 0);

        // Of UDP the kernel takes the two ends the other way round (udp_dump_one).
        (IPEndPoint source, IPEndPoint destination) = protocol == LibC.IPPROTO_UDP ? (remote, local) : (local, remote);
        request.Write(new InetDiagReqV2
        {
            sdiag_family = KernelAddress.FamilyOf(local.AddressFamily),
            sdiag_protocol = protocol,
            idiag_states = uint.MaxValue,
            id = IdOf(source, destination),
        });
        NetlinkResult result = _connection.Get(request.Finish(), Read, out InetSocket? found);

        // A kernel without diagnostics of this protocol says ENOENT too.
        return result.IsSuccess ? found
            : result.Errno == Errno.ENOENT ? null
            : throw result.ToException("find socket", $"{protocol} {local} → {remote} in {_connection.NetnsName}");
    }

    private static unsafe InetDiagSockId IdOf(IPEndPoint source, IPEndPoint destination)
    {
        InetDiagSockId id = default;
        id.idiag_sport = BinaryPrimitives.ReverseEndianness((ushort)source.Port);
        id.idiag_dport = BinaryPrimitives.ReverseEndianness((ushort)destination.Port);
        source.Address.TryWriteBytes(new Span<byte>(id.idiag_src, 16), out _);
        destination.Address.TryWriteBytes(new Span<byte>(id.idiag_dst, 16), out _);
        id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
        id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
        return id;
    }

    private static InetSocket? Read(ref NetlinkReader reader)
    {
        InetDiagMsg message = reader.Read<InetDiagMsg>();
        while (reader.MoveNext())
        {
            if (reader.Type == INET_DIAG_CGROUP_ID)
            {
                return message.idiag_state == TCP_LISTEN ? null : new InetSocket(reader.GetUInt64());
            }
        }

        return null;
    }
}

/// <summary>A socket of TCP or UDP.</summary>
/// <param name="Cgroup">The id, in the unified hierarchy, of the control group in which it was made.</param>
public sealed record InetSocket(ulong Cgroup);
