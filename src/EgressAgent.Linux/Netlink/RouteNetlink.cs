using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NetNamespaceH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

/// <summary>
/// The kernel's network configuration in one namespace: links, addresses, routes, rules and neighbours (rtnetlink(7)). Any thread
/// may call; requests are made one at a time, and each is complete when its call returns.
/// </summary>
/// <remarks>
/// What the caller may expect to meet is a result: adding returns false where the object is there already, removing returns
/// false where it is gone, getting returns null. Every other refusal is a <see cref="LinuxException"/> that carries the kernel's
/// own words.
/// </remarks>
public sealed partial class RouteNetlink : IDisposable
{
    private readonly NetlinkConnection _connection;

    private RouteNetlink(NetlinkConnection connection) => _connection = connection;

    private string Netns => _connection.NetnsName;

    /// <summary>Opens a socket in <paramref name="netns"/>, which it keeps alive. The calling thread is back outside on return.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static RouteNetlink Open(NetworkNamespace netns) => new(NetlinkConnection.Open(netns, NETLINK_ROUTE));

    public void Dispose() => _connection.Dispose();

    /// <summary>The id by which this namespace knows another one, as links refer to it; null when none is assigned.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public int? GetNetnsId(NetworkNamespace other)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETNSID, NLM_F_ACK);
        request.Write(default(RtGenMsg));
        request.WriteInt32(NETNSA_FD, other.Handle.Descriptor);
        NetlinkResult result = _connection.Get<NetnsIdMessage>(request.Finish(), NetnsIdMessage.Read, out NetnsIdMessage? message);
        return result.IsSuccess ? message?.Id : throw result.ToException("get id of network namespace", $"{other} in {Netns}");
    }

    private List<T> Dump<T>(Span<byte> request, MessageParser<T> parse, string what)
        where T : class
    {
        var found = new List<T>();
        NetlinkResult result = _connection.Dump(request, parse, found);
        return result.IsSuccess ? found : throw result.ToException("list", $"{what} in {Netns}");
    }

    // True when done, false when the object was there.
    private bool Add(Span<byte> request, string operation, string subject)
    {
        NetlinkResult result = _connection.Execute(request);
        return result.IsSuccess || (result.Errno == Errno.EEXIST ? false : throw result.ToException(operation, $"{subject} in {Netns}"));
    }

    // True when done, false when the object was gone, whatever number its kind has for that.
    private bool Remove(Span<byte> request, string operation, string subject)
    {
        NetlinkResult result = _connection.Execute(request);
        return result.IsSuccess || (IsGone(result.Errno) ? false : throw result.ToException(operation, $"{subject} in {Netns}"));
    }

    private void Change(Span<byte> request, string operation, string subject)
    {
        NetlinkResult result = _connection.Execute(request);
        if (!result.IsSuccess)
        {
            throw result.ToException(operation, $"{subject} in {Netns}");
        }
    }

    private static bool IsGone(Errno errno) =>
        errno == Errno.ENOENT || errno == Errno.ESRCH || errno == Errno.ENODEV || errno == Errno.EADDRNOTAVAIL;
}
