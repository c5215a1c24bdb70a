using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>Loads and attaches programs of type BPF_PROG_TYPE_SK_LOOKUP, Documentation/bpf/prog_sk_lookup.rst (Linux 5.9).</summary>
internal static unsafe class SkLookupProgram
{
    private const uint ProgramTypeSkLookup = 30;
    private const uint AttachTypeSkLookup = 36;
    private const int VerifierLogSize = 64 * 1024;

    /// <exception cref="LinuxException">The kernel does not take it; the text is the verifier's last line.</exception>
    internal static FileHandle Load(byte[] code)
    {
        int descriptor = Load(code, [], out Errno errno);
        if (descriptor >= 0)
        {
            return new FileHandle(descriptor);
        }

        byte[] log = new byte[VerifierLogSize];

        // For its words alone; where it is taken now, as the lack has passed, it is closed again.
        using var again = new FileHandle(Load(code, log, out _));
        string text = Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, Array.IndexOf(log, (byte)0)))).TrimEnd();
        throw new LinuxException("load BPF program", "sk_lookup", errno, text[(text.LastIndexOf('\n') + 1)..]);
    }

    /// <summary>Attaches a program to a network namespace, until the handle is closed.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    internal static FileHandle Attach(FileHandle program, FileHandle networkNamespace)
    {
        // struct { __u32 prog_fd, target_fd, attach_type, flags; } link_create of union bpf_attr.
        uint* attributes = stackalloc uint[] { (uint)program.Descriptor, (uint)networkNamespace.Descriptor, AttachTypeSkLookup, 0 };
        int descriptor = LibC.bpf(LibC.BPF_LINK_CREATE, attributes, 4 * sizeof(uint));
        return descriptor >= 0 ? new FileHandle(descriptor) : throw new LinuxException("attach BPF program", "sk_lookup", Errno.Last);
    }

    private static int Load(byte[] code, byte[] log, out Errno errno)
    {
        // The program calls no helper that is reserved for GPL programs, so its licence is left empty.
        byte license = 0;
        fixed (byte* codePointer = code, logPointer = log)
        {
            var attributes = new LoadAttributes
            {
                ProgramType = ProgramTypeSkLookup,
                InstructionCount = (uint)(code.Length / 8),
                Instructions = (ulong)codePointer,
                License = (ulong)(&license),
                LogLevel = log.Length > 0 ? 1u : 0u,
                LogSize = (uint)log.Length,
                LogBuffer = (ulong)logPointer,
                ExpectedAttachType = AttachTypeSkLookup,
            };
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
        internal uint ProgramType;

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

        [FieldOffset(68)]
        internal uint ExpectedAttachType;
    }
}
