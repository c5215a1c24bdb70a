using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Links;
using static EgressAgent.Linux.Interop.Uapi.IfLinkH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>All links of the namespace.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<Link> GetLinks()
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETLINK, NLM_F_DUMP);
        request.Write(default(IfInfoMsg));
        request.WriteUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        return Dump<Link>(request.Finish(), LinkMessage.Read, "links");
    }

    /// <summary>The link of this index, or null.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public Link? GetLink(int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETLINK, NLM_F_ACK);
        request.Write(new IfInfoMsg { ifi_index = index });
        request.WriteUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        return GetLink(request.Finish(), DescribeLink(index));
    }

    /// <summary>The link that has this name, or this alternative name; null when there is none.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public Link? GetLink(string name)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETLINK, NLM_F_ACK);
        request.Write(default(IfInfoMsg));

        // The kernel looks up either kind of name by either attribute; this one has room for the long ones.
        request.WriteString(IFLA_ALT_IFNAME, name);
        request.WriteUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        return GetLink(request.Finish(), $"link {name}");
    }

    /// <summary>
    /// The link of this name in another namespace, which need not have a name: one that this namespace knows by an id
    /// (<see cref="Link.ParentNetnsId"/>). Null when there is none, or the namespace is gone.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public Link? GetLinkIn(int netnsId, string name)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETLINK, NLM_F_ACK);
        request.Write(default(IfInfoMsg));
        request.WriteInt32(IFLA_TARGET_NETNSID, netnsId);
        request.WriteString(IFLA_ALT_IFNAME, name);
        request.WriteUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        NetlinkResult result = _connection.Get<Link>(request.Finish(), LinkMessage.Read, out Link? link);
        return result.IsSuccess || result.Errno == Errno.ENODEV || result.Errno == Errno.EINVAL
            ? link
            : throw result.ToException("get", $"link {name} in the network namespace with id {netnsId}");
    }

    /// <summary><see cref="RemoveLink"/> in another namespace; see <see cref="GetLinkIn"/>.</summary>
    /// <returns>False when it was gone.</returns>
    /// <exception cref="LinuxException">The link cannot be deleted (EOPNOTSUPP), or the namespace is gone (EINVAL).</exception>
    public bool RemoveLinkIn(int netnsId, int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELLINK, NLM_F_ACK);
        request.Write(new IfInfoMsg { ifi_index = index });
        request.WriteInt32(IFLA_TARGET_NETNSID, netnsId);
        return Remove(request.Finish(), "remove", $"{DescribeLink(index)} of the network namespace with id {netnsId}");
    }

    /// <summary>The link that has this name, or this alternative name.</summary>
    /// <exception cref="LinuxException">There is none (ENODEV), or the kernel refused.</exception>
    public Link GetRequiredLink(string name) => GetLink(name) ?? throw new LinuxException("find link", $"{name} in {Netns}", Errno.ENODEV);

    /// <summary>Sets a link up or down, as <c>ip link set up</c> does; nothing happens when it is so already.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the driver refused.</exception>
    public void SetLinkUp(int index, bool up)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWLINK, NLM_F_ACK);
        request.Write(new IfInfoMsg { ifi_index = index, ifi_flags = up ? (uint)LinkFlags.Up : 0, ifi_change = (uint)LinkFlags.Up });
        Change(request.Finish(), up ? "set up" : "set down", DescribeLink(index));
    }

    /// <summary>Kernels before 6.2 rename a link only while it is down.</summary>
    /// <returns>False when the name is taken.</returns>
    /// <exception cref="LinuxException">The link is gone (ENODEV), is up (EBUSY), or the name is no good (EINVAL).</exception>
    public bool RenameLink(int index, string name)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        request.WriteString(IFLA_IFNAME, name);
        return Add(request.Finish(), "rename", $"{DescribeLink(index)} to {name}");
    }

    /// <param name="index">The link.</param>
    /// <param name="mtu">Bytes.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or cannot carry that (EINVAL).</exception>
    public void SetLinkMtu(int index, int mtu)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        request.WriteInt32(IFLA_MTU, mtu);
        Change(request.Finish(), "set MTU", $"{mtu} of {DescribeLink(index)}");
    }

    /// <exception cref="LinuxException">
    /// The link is gone (ENODEV), is up and cannot change then (EBUSY), or the address is no unicast one (EADDRNOTAVAIL).
    /// </exception>
    public void SetLinkMac(int index, PhysicalAddress mac)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        request.WriteMac(IFLA_ADDRESS, mac);
        Change(request.Finish(), "set MAC address", $"{mac} of {DescribeLink(index)}");
    }

    /// <exception cref="LinuxException">The link is gone (ENODEV).</exception>
    public void SetLinkGroup(int index, uint group)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        request.WriteUInt32(IFLA_GROUP, group);
        Change(request.Finish(), "set group", $"{group} of {DescribeLink(index)}");
    }

    /// <summary>Sets the free text that <c>ip link</c> shows as alias, up to 255 bytes; empty removes it.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the text is too long.</exception>
    public void SetLinkAlias(int index, string alias)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        request.WriteString(IFLA_IFALIAS, alias);
        Change(request.Finish(), "set alias", $"of {DescribeLink(index)}");
    }

    /// <summary>Adds an alternative name, up to 127 bytes.</summary>
    /// <returns>False when a link of the namespace, be it this one, has that name already.</returns>
    /// <exception cref="LinuxException">The link is gone (EINVAL), or the name is no good.</exception>
    public bool AddLinkAltName(int index, string altName)
    {
        NetlinkWriter request = BeginAltName(
            stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWLINKPROP, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index, altName);
        return Add(request.Finish(), "add alternative name", $"{altName} to {DescribeLink(index)}");
    }

    /// <summary>Takes an alternative name away.</summary>
    /// <returns>False when the link did not have it.</returns>
    /// <exception cref="LinuxException">The name is another link's (EINVAL).</exception>
    public bool RemoveLinkAltName(int index, string altName)
    {
        NetlinkWriter request = BeginAltName(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELLINKPROP, NLM_F_ACK, index, altName);
        return Remove(request.Finish(), "remove alternative name", $"{altName} from {DescribeLink(index)}");
    }

    /// <summary>Deletes a link with all that hangs on it: addresses, routes, for a veth the peer.</summary>
    /// <returns>False when it was gone.</returns>
    /// <exception cref="LinuxException">The link cannot be deleted (EOPNOTSUPP), as physical ones.</exception>
    public bool RemoveLink(int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELLINK, NLM_F_ACK);
        request.Write(new IfInfoMsg { ifi_index = index });
        return Remove(request.Finish(), "remove", DescribeLink(index));
    }

    /// <summary><see cref="RemoveLink"/> by name or alternative name; that there is none is no error.</summary>
    /// <exception cref="LinuxException">The link cannot be deleted (EOPNOTSUPP), as physical ones.</exception>
    public void RemoveLinkByName(string name)
    {
        if (GetLink(name) is { } link)
        {
            RemoveLink(link.Index);
        }
    }

    private static string DescribeLink(int index) => $"link with index {index}";

    private static NetlinkWriter BeginLinkChange(Span<byte> buffer, int index)
    {
        var request = new NetlinkWriter(buffer, RTM_NEWLINK, NLM_F_ACK);
        request.Write(new IfInfoMsg { ifi_index = index });
        return request;
    }

    private static NetlinkWriter BeginAltName(Span<byte> buffer, ushort type, int flags, int index, string altName)
    {
        var request = new NetlinkWriter(buffer, type, (ushort)flags);
        request.Write(new IfInfoMsg { ifi_index = index });
        int properties = request.BeginNested(IFLA_PROP_LIST);
        request.WriteString(IFLA_ALT_IFNAME, altName);
        request.EndNested(properties);
        return request;
    }

    private Link? GetLink(Span<byte> request, string subject)
    {
        NetlinkResult result = _connection.Get<Link>(request, LinkMessage.Read, out Link? link);
        return result.IsSuccess || result.Errno == Errno.ENODEV ? link : throw result.ToException("get", $"{subject} in {Netns}");
    }
}
