using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    internal const int MEMBARRIER_CMD_GLOBAL = 1;

    // int membarrier(int cmd, unsigned int flags, int cpu_id);  It has no wrapper in the C library.
    internal static unsafe int membarrier(int cmd)
    {
        // asm/unistd_64.h has 324; arm64 and riscv64 use the generic table, asm-generic/unistd.h.
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 324 : 283;
        return (int)syscall(number, cmd, null, 0);
    }
}
