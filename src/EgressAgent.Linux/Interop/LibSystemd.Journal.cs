using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// sd-journal.h
internal static unsafe partial class LibSystemd
{
    // struct iovec of sys/uio.h.
    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        internal byte* iov_base;
        internal nuint iov_len;
    }

    // int sd_journal_sendv(const struct iovec *iov, int n);
    [LibraryImport(Library)]
    internal static partial int sd_journal_sendv(IoVector* iov, int n);
}
