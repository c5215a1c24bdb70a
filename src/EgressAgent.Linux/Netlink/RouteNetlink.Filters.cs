using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Filters;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.PktSchedH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>What is asked first about a frame that leaves.</summary>
    public const int FirstPreference = 1;

    private const uint FirstHandle = 1;
    private const string Clsact = "clsact";

    /// <summary>
    /// Has a program asked about every frame that leaves by a link, before any other filter: <c>tc qdisc add dev … clsact</c> and
    /// <c>tc filter replace dev … egress pref 1 handle 1 bpf direct-action</c>. In the place of another program it comes at once, with no
    /// frame in between that neither was asked about.
    /// </summary>
    /// <exception cref="LinuxException">
    /// The link is gone (ENODEV), the kernel has no clsact or cls_bpf (ENOENT), or another queueing discipline (EEXIST) or a filter of another
    /// kind has the place.
    /// </exception>
    public void SetEgressProgram(int index, EgressProgram program, string name)
    {
        var qdisc = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        qdisc.Write(new TcMsg { tcm_ifindex = index, tcm_handle = TC_H_CLSACT_MAJOR, tcm_parent = TC_H_CLSACT });
        qdisc.WriteString(TCA_KIND, Clsact);
        if (!Add(qdisc.Finish(), "add clsact", $"to {DescribeLink(index)}") && IngressQdisc(index) is { } other && other != Clsact)
        {
            throw new LinuxException("add clsact", $"to {DescribeLink(index)} in {Netns}", Errno.EEXIST, $"{other} has its place; if nobody needs that: tc qdisc delete dev … {other}");
        }

        var filter = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE);
        filter.Write(FirstOf(index));
        filter.WriteString(TCA_KIND, "bpf");
        int options = filter.BeginNested(TCA_OPTIONS);
        filter.WriteInt32(TCA_BPF_FD, program.Handle.Descriptor);
        filter.WriteString(TCA_BPF_NAME, name);
        filter.WriteUInt32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
        filter.EndNested(options);
        Change(filter.Finish(), "set egress filter", $"of {DescribeLink(index)}");
    }

    /// <summary>Takes away what <see cref="SetEgressProgram"/> has set; the clsact stays.</summary>
    /// <returns>False when it was gone.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool RemoveEgressProgram(int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELTFILTER, NLM_F_ACK);
        request.Write(FirstOf(index));
        request.WriteString(TCA_KIND, "bpf");
        NetlinkResult result = _connection.Execute(request.Finish());
        return result.IsSuccess || (result.Errno == Errno.EINVAL || IsGone(result.Errno)
            ? false
            : throw result.ToException("remove egress filter", $"of {DescribeLink(index)} in {Netns}"));
    }

    /// <summary>The filters at a link's egress, in the order in which they are asked; none where it has no clsact.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<EgressFilter> GetEgressFilters(int index)
    {
        // The old queueing discipline ingress has the number of clsact, and takes filters for the egress to the ingress.
        List<EgressFilter> filters = ListFilters(index);
        return filters.Count > 0 && IngressQdisc(index) != Clsact ? [] : filters;
    }

    private List<EgressFilter> ListFilters(int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETTFILTER, NLM_F_DUMP);
        request.Write(new TcMsg { tcm_ifindex = index, tcm_parent = TC_H_CLSACT_EGRESS });
        return Dump<EgressFilter>(request.Finish(), EgressFilterMessage.Read, $"egress filters of {DescribeLink(index)}");
    }

    // The kind of what has the number of clsact.
    private string? IngressQdisc(int index)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETQDISC, NLM_F_DUMP);
        request.Write(default(TcMsg));
        return Dump<QdiscMessage>(request.Finish(), QdiscMessage.Read, "queueing disciplines").Find(qdisc => qdisc.Link == index && qdisc.Parent == TC_H_CLSACT)?.Kind;
    }

    private static TcMsg FirstOf(int index) => new()
    {
        tcm_ifindex = index,
        tcm_handle = FirstHandle,
        tcm_parent = TC_H_CLSACT_EGRESS,
        tcm_info = ((uint)FirstPreference << 16) | EgressFilterMessage.AllProtocols,
    };
}
