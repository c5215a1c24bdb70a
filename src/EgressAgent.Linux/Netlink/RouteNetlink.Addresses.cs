using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.IfAddrH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    private const AddressFlags RequestableAddressFlags = AddressFlags.NoDad | AddressFlags.NoPrefixRoute;

    /// <summary>The addresses of both families, of one link or of all. A link that does not exist has none.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<LinkAddress> GetAddresses(int? linkIndex = null)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETADDR, NLM_F_DUMP);
        request.Write(new IfAddrMsg { ifa_family = LibC.AF_UNSPEC, ifa_index = linkIndex ?? 0 });
        var found = new List<LinkAddress>();
        NetlinkResult result = _connection.Dump(request.Finish(), AddressMessage.Read, found);
        return result.IsSuccess || (linkIndex is not null && result.Errno == Errno.ENODEV)
            ? found
            : throw result.ToException("list", $"addresses in {Netns}");
    }

    /// <returns>False when the link has that address already, whatever its flags.</returns>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the kernel refused.</exception>
    public bool AddAddress(LinkAddress address)
    {
        NetlinkWriter request = BeginAddress(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
        return Add(request.Finish(), "add address", DescribeAddress(address));
    }

    /// <summary>Adds the address, or gives the one that is there the flags, the scope and the protocol of this one.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the kernel refused.</exception>
    public void ReplaceAddress(LinkAddress address)
    {
        NetlinkWriter request = BeginAddress(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address);
        Change(request.Finish(), "replace address", DescribeAddress(address));
    }

    /// <returns>False when the link, or the address with this prefix length, was gone.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool RemoveAddress(LinkAddress address)
    {
        NetlinkWriter request = BeginAddress(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELADDR, 0, address);
        return Remove(request.Finish(), "remove address", DescribeAddress(address));
    }

    private static NetlinkWriter BeginAddress(Span<byte> buffer, ushort type, int flags, LinkAddress address)
    {
        var request = new NetlinkWriter(buffer, type, (ushort)(NLM_F_ACK | flags));
        request.Write(new IfAddrMsg
        {
            ifa_family = KernelAddress.FamilyOf(address.Family),
            ifa_prefixlen = checked((byte)address.PrefixLength),
            ifa_scope = (byte)address.Scope,
            ifa_index = address.LinkIndex,
        });
        request.WriteAddress(IFA_LOCAL, address.Address);
        request.WriteAddress(IFA_ADDRESS, address.Address);
        if (address.Label is not null)
        {
            request.WriteString(IFA_LABEL, address.Label);
        }

        if (type == RTM_NEWADDR)
        {
            request.WriteUInt32(IFA_FLAGS, (uint)(address.Flags & RequestableAddressFlags));
            if (address.IsDeprecated)
            {
                IfaCacheInfo lifetime = new() { ifa_prefered = 0, ifa_valid = IfaCacheInfo.Forever };
                request.WriteBytes(IFA_CACHEINFO, MemoryMarshal.AsBytes(new ReadOnlySpan<IfaCacheInfo>(in lifetime)));
            }

            if (address.Protocol != 0)
            {
                request.WriteByte(IFA_PROTO, address.Protocol);
            }
        }

        return request;
    }

    private static string DescribeAddress(LinkAddress address) => $"{address} on {DescribeLink(address.LinkIndex)}";
}
