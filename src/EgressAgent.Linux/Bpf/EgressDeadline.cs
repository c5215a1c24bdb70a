using System.Runtime.InteropServices;
using EgressAgent.Linux.Clocks;
using EgressAgent.Linux.Interop;
using static EgressAgent.Linux.Bpf.BpfRegister;

namespace EgressAgent.Linux.Bpf;

/// <summary>
/// BPF programs for the egress of links (cls_bpf, direct-action) that drop every frame once CLOCK_BOOTTIME has reached a deadline, and
/// before that unless the link's own flag is set. Deadline and flags are maps of the kernel's, found again by their name: they and the
/// programs live as long as one is attached, whatever becomes of the process. Thread-safe, since every change is one system call.
/// </summary>
public sealed class EgressDeadline : IDisposable
{
    /// <summary>How many flags there can be.</summary>
    public const int Capacity = 4096;

    private const uint NoPreallocation = 1;

    // enum bpf_func_id, linux/bpf.h.
    private const int MapLookup = 1;
    private const int GetBootTime = 125;

    // linux/pkt_cls.h.
    private const int NextFilter = -1;
    private const int Drop = 2;

    private readonly string _name;
    private readonly BpfMapHandle _deadline;
    private readonly BpfMapHandle _flags;

    private EgressDeadline(string name, BpfMapHandle deadline, BpfMapHandle flags) => (_name, _deadline, _flags) = (name, deadline, flags);

    /// <summary>The deadline, in nanoseconds of <see cref="BootClock"/>; 0 where none was ever set.</summary>
    public long Deadline
    {
        get
        {
            long value = 0;
            _deadline.Get(Bytes(0u), MemoryMarshal.AsBytes(new Span<long>(ref value)));
            return value;
        }

        set => _deadline.Set(Bytes(0u), Bytes(value));
    }

    /// <summary>Finds deadline and flags of a name, or makes them: then nothing passes.</summary>
    /// <param name="name">Up to 14 letters, digits and underscores; one process at a time may open what has it.</param>
    /// <exception cref="LinuxException">The kernel has no such maps, or lacks memory or permission.</exception>
    public static EgressDeadline Open(string name)
    {
        BpfMapHandle deadline = BpfMapHandle.FindOrCreate(BpfMapType.Array, sizeof(uint), sizeof(ulong), 1, 0, $"{name}d");
        try
        {
            return new EgressDeadline(
                name, deadline, BpfMapHandle.FindOrCreate(BpfMapType.Hash, sizeof(ulong), sizeof(uint), Capacity, NoPreallocation, $"{name}f"));
        }
        catch
        {
            deadline.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is one of a name already. A kernel that has no BPF, or does not permit it, has none.</summary>
    public static bool Exists(string name)
    {
        try
        {
            List<FileHandle> found = BpfObjects.FindMaps($"{name}d");
            found.ForEach(map => map.Dispose());
            return found.Count > 0;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    public bool IsFlagSet(ulong link) => _flags.Has(Bytes(link));

    /// <exception cref="LinuxException">There are <see cref="Capacity"/> already (E2BIG), or no memory is left.</exception>
    public void SetFlag(ulong link) => _flags.Set(Bytes(link), Bytes(1u));

    public void ClearFlag(ulong link) => _flags.Remove(Bytes(link));

    /// <exception cref="LinuxException">The kernel refused; some flags may be set still.</exception>
    public void ClearFlags() => _flags.Clear();

    /// <summary>Loads the program for a link, to be attached.</summary>
    /// <param name="link">Whose flag it asks for.</param>
    /// <exception cref="LinuxException">The kernel does not take it.</exception>
    public EgressProgram Load(ulong link)
    {
        FileHandle handle = BpfProgram.Load(BpfProgramType.SchedulerClassifier, _name, Assemble(link));
        return new EgressProgram(handle, BpfObjects.Identify(handle));
    }

    public void Dispose()
    {
        _flags.Dispose();
        _deadline.Dispose();
    }

    private byte[] Assemble(ulong link)
    {
        const int index = -4;
        const int key = -16;
        var code = new BpfAssembler();
        var drop = new BpfLabel();
        code.Call(GetBootTime);
        code.Move(R6, R0);
        code.StoreWord(R10, index, 0);
        Lookup(code, _deadline, index);
        code.JumpIfNull(R0, drop);
        code.LoadDoubleWord(R1, R0, 0);
        code.JumpIfNotLess(R6, R1, drop);
        code.MoveWide(R1, link);
        code.StoreDoubleWord(R10, key, R1);
        Lookup(code, _flags, key);
        code.JumpIfNull(R0, drop);
        code.Move(R0, NextFilter);
        code.Exit();
        code.Mark(drop);
        code.Move(R0, Drop);
        code.Exit();
        return code.ToArray();
    }

    private static void Lookup(BpfAssembler code, BpfMapHandle map, int key)
    {
        code.LoadMap(R1, map.Descriptor);
        code.Move(R2, R10);
        code.Add(R2, key);
        code.Call(MapLookup);
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
