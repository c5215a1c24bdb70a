using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>Loads and attaches programs of type BPF_PROG_TYPE_SK_LOOKUP, Documentation/bpf/prog_sk_lookup.rst (Linux 5.9).</summary>
internal static unsafe class SkLookupProgram
{
    private const uint AttachTypeSkLookup = 36;

    /// <exception cref="LinuxException">The kernel does not take it; the text is the verifier's last line.</exception>
    internal static FileHandle Load(byte[] code) => BpfProgram.Load(BpfProgramType.SkLookup, "", code, AttachTypeSkLookup);

    /// <summary>Attaches a program to a network namespace, until the handle is closed.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    internal static FileHandle Attach(FileHandle program, FileHandle networkNamespace)
    {
        // struct { __u32 prog_fd, target_fd, attach_type, flags; } link_create of union bpf_attr.
        uint* attributes = stackalloc uint[] { (uint)program.Descriptor, (uint)networkNamespace.Descriptor, AttachTypeSkLookup, 0 };
        int descriptor = LibC.bpf(LibC.BPF_LINK_CREATE, attributes, 4 * sizeof(uint));
        return descriptor >= 0 ? new FileHandle(descriptor) : throw new LinuxException("attach BPF program", "sk_lookup", Errno.Last);
    }
}
