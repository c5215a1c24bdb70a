using System.Buffers.Binary;
using EgressAgent.Linux.Clocks;
using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The node's fence for routers that the nodes of a cluster agree about. A program at the egress of each such router's macvlan drops
/// every frame, those of ARP and neighbour discovery included, once CLOCK_BOOTTIME has reached the node's deadline, and unless the router
/// is open. Both stand in the kernel: they hold whatever becomes of the agent, and the next agent finds them. A deadline is absolute, so
/// one that is written late changes nothing. What is past the fence and waits in the queue of the NIC still leaves, and so does what root
/// sends around the queueing layer (PACKET_QDISC_BYPASS, AF_XDP), which the agent does not. Thread-safe. Nothing is asked of the kernel
/// before it is used first.
/// </summary>
public sealed class Fence : IDisposable
{
    /// <summary>Further ahead nobody may set the deadline: a number of another clock would be none.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(1);

    private const string NamePrefix = "egf";

    private readonly Lock _lock = new();
    private readonly Lazy<(EgressDeadline? Deadline, string? WhyNot)> _kernel;

    // Nodes that are in no cluster are spared the question at each look at a router.
    private readonly Lazy<bool> _wasThere;

    /// <param name="owner">Whose it is: another agent has another one.</param>
    /// <param name="node">The node, which need not live as long.</param>
    public Fence(AgentOwner owner, NetworkNamespace node)
    {
        string name = NameOf(owner, node);
        _kernel = new(() => Probe(name));
        _wasThere = new(() => EgressDeadline.Exists(name));
    }

    /// <summary>Why this kernel has none; null when it has. It is tried once, on the kernel itself.</summary>
    public string? WhyNot => _kernel.Value.WhyNot;

    /// <summary>Until when open routers may send, in nanoseconds of <see cref="BootClock"/>; 0 when that was never said.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public long Deadline => Kernel.Deadline;

    private EgressDeadline Kernel => _kernel.Value.Deadline ?? throw new InvalidOperationException(WhyNot);

    /// <summary>Lets open routers send until a later time than before. An earlier one changes nothing, and one that has passed opens nothing.</summary>
    /// <param name="bootTimeNanoseconds">In nanoseconds of <see cref="BootClock"/>, at most <see cref="MaxAhead"/> from now.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public void Extend(long bootTimeNanoseconds)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bootTimeNanoseconds, BootClock.Nanoseconds + (MaxAhead.Ticks * TimeSpan.NanosecondsPerTick));
        lock (_lock)
        {
            if (bootTimeNanoseconds > Kernel.Deadline)
            {
                Kernel.Deadline = bootTimeNanoseconds;
            }
        }
    }

    /// <summary>Lets a router send, as long as the deadline says. The router need not be there yet.</summary>
    /// <exception cref="LinuxException">The kernel refused: there are <see cref="EgressDeadline.Capacity"/> already.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public void Open(RouterKey key) => Kernel.SetFlag(FlagOf(key));

    /// <summary>Lets a router send nothing from now on, whatever the deadline is: when this returns it is silent.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public void Close(RouterKey key) => Kernel.ClearFlag(FlagOf(key));

    /// <summary>Lets no router send anything from now on, also none that an earlier agent let.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public void CloseAll() => Kernel.ClearFlags();

    /// <summary>Whether <see cref="Open"/> was called last, be it by an earlier agent.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">There is none: see <see cref="WhyNot"/>.</exception>
    public bool IsOpen(RouterKey key) => Kernel.IsFlagSet(FlagOf(key));

    public void Dispose()
    {
        if (_kernel.IsValueCreated)
        {
            _kernel.Value.Deadline?.Dispose();
        }
    }

    /// <summary>Puts a router's macvlan behind the fence; it may be there already.</summary>
    /// <exception cref="LinuxException">The kernel refused, or has no fence.</exception>
    internal void Attach(RouterKey key, RouteNetlink route, int link)
    {
        if (WhyNot is { } why)
        {
            throw new LinuxException("fence", RouterNames.OutsideLink, Errno.EOPNOTSUPP, why);
        }

        using EgressProgram program = Kernel.Load(FlagOf(key));
        route.SetEgressProgram(link, program, NamePrefix);
    }

    /// <summary>Whether a router's macvlan is behind this fence, and no filter stands before it.</summary>
    /// <param name="key">The router.</param>
    /// <param name="route">Its netns.</param>
    /// <param name="link">The macvlan.</param>
    /// <param name="known">The program that was found to be the right one before; it is set to that of now.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal bool IsAttached(RouterKey key, RouteNetlink route, int link, ref uint known)
    {
        if (!_kernel.IsValueCreated && !_wasThere.Value)
        {
            return false;
        }

        if (route.GetEgressFilters(link) is not [{ Kind: "bpf", Chain: 0, IsForAll: true, IsDirectAction: true, ProgramId: { } id }, ..] || WhyNot is not null)
        {
            return false;
        }

        if (id != known)
        {
            using EgressProgram program = Kernel.Load(FlagOf(key));
            if (!program.IsSameAs(id))
            {
                return false;
            }

            known = id;
        }

        return true;
    }

    // Owners of two containers may have one id; their nodes' networks are two.
    private static string NameOf(AgentOwner owner, NetworkNamespace node) =>
        NamePrefix + Convert.ToHexStringLower(Sha256.Hash($"{owner.Id} {node.Id}").AsSpan(0, 5));

    private static ulong FlagOf(RouterKey key) => BinaryPrimitives.ReadUInt64BigEndian(Sha256.Hash($"EgressRouter/{key}"));

    private static (EgressDeadline? Deadline, string? WhyNot) Probe(string name)
    {
        EgressDeadline? deadline = null;
        try
        {
            deadline = EgressDeadline.Open(name);
            using NetworkNamespace scratch = NetworkNamespace.CreateUnnamed("to try the fence in");
            using RouteNetlink route = RouteNetlink.Open(scratch);
            int loopback = route.GetRequiredLink("lo").Index;
            using EgressProgram program = deadline.Load(0);
            route.SetEgressProgram(loopback, program, NamePrefix);
            return route.GetEgressFilters(loopback) is [{ ProgramId: { } id }] && id == program.Id
                ? (deadline, null)
                : throw new LinuxException("find egress filter", "of lo", Errno.ENOENT);
        }
        catch (LinuxException refusal)
        {
            deadline?.Dispose();
            return (null, $"fail-over in a cluster cannot be had: this kernel ({Environment.OSVersion.Version}) has no fence that silences a router"
                + $" when the agent hangs, for which it needs BPF programs at the egress of links (CONFIG_BPF_SYSCALL, CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_BPF): {refusal.Message}");
        }
    }
}
