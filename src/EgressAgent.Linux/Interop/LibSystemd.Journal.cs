using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// sd-journal.h
internal static unsafe partial class LibSystemd
{
    internal const int SD_JOURNAL_LOCAL_ONLY = 1 << 0;

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

    // int sd_journal_open_namespace(sd_journal **ret, const char *name_space, int flags);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_journal_open_namespace(out nint ret, string name_space, int flags);

    // void sd_journal_close(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial void sd_journal_close(nint j);

    // int sd_journal_add_match(sd_journal *j, const void *data, size_t size);
    [LibraryImport(Library)]
    internal static partial int sd_journal_add_match(JournalHandle j, byte* data, nuint size);

    // void sd_journal_flush_matches(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial void sd_journal_flush_matches(JournalHandle j);

    // int sd_journal_seek_head(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial int sd_journal_seek_head(JournalHandle j);

    // int sd_journal_seek_realtime_usec(sd_journal *j, uint64_t usec);
    [LibraryImport(Library)]
    internal static partial int sd_journal_seek_realtime_usec(JournalHandle j, ulong usec);

    // int sd_journal_next(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial int sd_journal_next(JournalHandle j);

    // int sd_journal_previous(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial int sd_journal_previous(JournalHandle j);

    // int sd_journal_get_realtime_usec(sd_journal *j, uint64_t *ret);
    [LibraryImport(Library)]
    internal static partial int sd_journal_get_realtime_usec(JournalHandle j, out ulong ret);

    // int sd_journal_get_data(sd_journal *j, const char *field, const void **data, size_t *length);
    [LibraryImport(Library)]
    internal static partial int sd_journal_get_data(JournalHandle j, byte* field, out byte* data, out nuint length);

    // void sd_journal_restart_data(sd_journal *j);
    [LibraryImport(Library)]
    internal static partial void sd_journal_restart_data(JournalHandle j);

    // int sd_journal_enumerate_data(sd_journal *j, const void **data, size_t *length);
    [LibraryImport(Library)]
    internal static partial int sd_journal_enumerate_data(JournalHandle j, out byte* data, out nuint length);

    /// <summary>Owns an <c>sd_journal</c>.</summary>
    internal sealed class JournalHandle : SafeHandle
    {
        internal JournalHandle(nint journal)
            : base(0, ownsHandle: true) => SetHandle(journal);

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            sd_journal_close(handle);
            return true;
        }
    }
}
