using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    internal const int BPF_MAP_CREATE = 0;
    internal const int BPF_MAP_LOOKUP_ELEM = 1;
    internal const int BPF_MAP_UPDATE_ELEM = 2;
    internal const int BPF_MAP_DELETE_ELEM = 3;
    internal const int BPF_MAP_GET_NEXT_KEY = 4;
    internal const int BPF_PROG_LOAD = 5;
    internal const int BPF_MAP_GET_NEXT_ID = 12;
    internal const int BPF_PROG_GET_FD_BY_ID = 13;
    internal const int BPF_MAP_GET_FD_BY_ID = 14;
    internal const int BPF_OBJ_GET_INFO_BY_FD = 15;
    internal const int BPF_LINK_CREATE = 28;

    // long syscall(long number, ...);  bpf(2) has no wrapper in the C library. Three integer arguments, passed in registers.
    [LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(nint number, nint cmd, void* attr, nint size);

    // int bpf(int cmd, union bpf_attr *attr, unsigned int size);
    internal static int bpf(int cmd, void* attr, int size)
    {
        // asm/unistd_64.h has 321; arm64 and riscv64 use the generic table, asm-generic/unistd.h.
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 321 : 280;
        return (int)syscall(number, cmd, attr, size);
    }
}
