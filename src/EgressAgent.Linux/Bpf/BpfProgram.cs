using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>Loads BPF programs, bpf(2). One lives while a descriptor refers to it, or what it is attached to.</summary>
internal static unsafe class BpfProgram
{
    private const int VerifierLogSize = 64 * 1024;

    /// <param name="type">The type.</param>
    /// <param name="name">What tools show, up to 15 letters, digits and underscores.</param>
    /// <param name="code">The instructions.</param>
    /// <param name="attachType">Where it is attached, for the types that have to say so.</param>
    /// <exception cref="LinuxException">The kernel does not take it; the text is the verifier's last line.</exception>
    internal static FileHandle Load(BpfProgramType type, string name, byte[] code, uint attachType = 0)
    {
        int descriptor = Load(type, name, code, attachType, [], out Errno errno);
        if (descriptor >= 0)
        {
            return new FileHandle(descriptor);
        }

        byte[] log = new byte[VerifierLogSize];

        // For its words alone; where it is taken now, as the lack has passed, it is closed again.
        using var again = new FileHandle(Load(type, name, code, attachType, log, out _));
        string text = Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, Array.IndexOf(log, (byte)0)))).TrimEnd();
        throw new LinuxException("load BPF program", type.ToString(), errno, text[(text.LastIndexOf('\n') + 1)..]);
    }

    private static int Load(BpfProgramType type, string name, byte[] code, uint attachType, byte[] log, out Errno errno)
    {
        // The programs call no helper that is reserved for GPL programs, so the licence is left empty.
        byte license = 0;
        fixed (byte* codePointer = code, logPointer = log)
        {
            var attributes = new LoadAttributes
            {
                ProgramType = type,
                InstructionCount = (uint)(code.Length / 8),
                Instructions = (ulong)codePointer,
                License = (ulong)(&license),
                LogLevel = log.Length > 0 ? 1u : 0u,
                LogSize = (uint)log.Length,
                LogBuffer = (ulong)logPointer,
                ExpectedAttachType = attachType,
            };
            BpfObjects.WriteName(name, new Span<byte>(attributes.Name, BpfObjects.NameSize));
            int descriptor = LibC.bpf(LibC.BPF_PROG_LOAD, &attributes, sizeof(LoadAttributes));
            errno = descriptor >= 0 ? Errno.Success : Errno.Last;
            return descriptor;
        }
    }

    // The BPF_PROG_LOAD part of union bpf_attr, linux/bpf.h.
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    private struct LoadAttributes
    {
        [FieldOffset(0)]
        internal BpfProgramType ProgramType;

        [FieldOffset(4)]
        internal uint InstructionCount;

        [FieldOffset(8)]
        internal ulong Instructions;

        [FieldOffset(16)]
        internal ulong License;

        [FieldOffset(24)]
        internal uint LogLevel;

        [FieldOffset(28)]
        internal uint LogSize;

        [FieldOffset(32)]
        internal ulong LogBuffer;

        [FieldOffset(48)]
        internal fixed byte Name[BpfObjects.NameSize];

        [FieldOffset(68)]
        internal uint ExpectedAttachType;
    }
}

/// <summary>enum bpf_prog_type, linux/bpf.h.</summary>
internal enum BpfProgramType : uint
{
    SchedulerClassifier = 3,
    SkLookup = 30,
}
