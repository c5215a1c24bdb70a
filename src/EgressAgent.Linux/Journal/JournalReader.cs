using System.Globalization;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Journal;

/// <summary>
/// Reads the entries of one journal namespace of this machine, in the order in which journald took them. It stands between two
/// entries, or on one after a move that succeeded. Not for use by two threads at once.
/// </summary>
/// <seealso href="https://www.freedesktop.org/software/systemd/man/sd-journal.html">sd-journal(3)</seealso>
public sealed unsafe class JournalReader : IDisposable
{
    private readonly LibSystemd.JournalHandle _journal;
    private readonly string _namespace;

    private JournalReader(LibSystemd.JournalHandle journal, string @namespace)
    {
        _journal = journal;
        _namespace = @namespace;
    }

    /// <summary>Opens the files that the namespace has; one without files is an empty journal.</summary>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public static JournalReader OpenNamespace(string @namespace)
    {
        int result = LibSystemd.sd_journal_open_namespace(out nint journal, @namespace, LibSystemd.SD_JOURNAL_LOCAL_ONLY);
        LibSystemd.Check(result, "open journal namespace", @namespace);
        return new JournalReader(new LibSystemd.JournalHandle(journal), @namespace);
    }

    /// <summary>When journald took the entry that the reader stands on, by the clock of that time.</summary>
    /// <exception cref="LinuxException">The reader stands on none.</exception>
    public DateTimeOffset Time
    {
        get
        {
            Check(LibSystemd.sd_journal_get_realtime_usec(_journal, out ulong microseconds), "read time in journal namespace");
            return DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds);
        }
    }

    /// <summary>From the next move on only entries that have this value too. Fields are looked up in journald's index.</summary>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public void Match(string field, string value)
    {
        byte[] match = Encoding.UTF8.GetBytes($"{field}={value}");
        fixed (byte* data = match)
        {
            Check(LibSystemd.sd_journal_add_match(_journal, data, (nuint)match.Length), "match in journal namespace");
        }
    }

    /// <summary>From the next move on all entries.</summary>
    public void ClearMatches() => LibSystemd.sd_journal_flush_matches(_journal);

    /// <summary>Goes before the first entry.</summary>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public void SeekStart() => Check(LibSystemd.sd_journal_seek_head(_journal), "seek in journal namespace");

    /// <summary>Goes to a time: the next move is to the first entry that was taken then or later, or to the last one taken then or earlier.</summary>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public void Seek(DateTimeOffset time)
    {
        long microseconds = (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        Check(LibSystemd.sd_journal_seek_realtime_usec(_journal, (ulong)Math.Max(0, microseconds)), "seek in journal namespace");
    }

    /// <summary>Goes to the next entry.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public bool MoveNext() => Check(LibSystemd.sd_journal_next(_journal), "read journal namespace") > 0;

    /// <summary>Goes to the entry before.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="LinuxException">libsystemd refused.</exception>
    public bool MovePrevious() => Check(LibSystemd.sd_journal_previous(_journal), "read journal namespace") > 0;

    /// <summary>
    /// The fields of the entry that the reader stands on whose names begin so; of a damaged entry what there is of them. Of a field that
    /// it has several times one.
    /// </summary>
    public void Read(ReadOnlySpan<byte> prefix, Dictionary<string, string> fields)
    {
        fields.Clear();
        LibSystemd.sd_journal_restart_data(_journal);
        while (LibSystemd.sd_journal_enumerate_data(_journal, out byte* data, out nuint length) > 0)
        {
            ReadOnlySpan<byte> field = new(data, (int)length);
            if (field.StartsWith(prefix) && field.IndexOf((byte)'=') is >= 0 and var end)
            {
                fields[Encoding.ASCII.GetString(field[..end])] = Encoding.UTF8.GetString(field[(end + 1)..]);
            }
        }
    }

    /// <summary>
    /// A number in one field of the entry that the reader stands on; null when there is no such field, or no number in it. It costs a
    /// part of what <see cref="Read"/> does.
    /// </summary>
    /// <param name="field">The name with a zero byte behind it.</param>
    public ulong? ReadNumber(ReadOnlySpan<byte> field)
    {
        fixed (byte* name = field)
        {
            return LibSystemd.sd_journal_get_data(_journal, name, out byte* data, out nuint length) >= 0
                && ulong.TryParse(new ReadOnlySpan<byte>(data, (int)length)[field.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
                    ? number
                    : null;
        }
    }

    /// <summary>
    /// The values of some fields of the entry that the reader stands on, in that order, each with a zero byte behind it. It costs a part
    /// of what <see cref="Read"/> does, and leaves nothing behind.
    /// </summary>
    /// <param name="fields">The names with = behind them.</param>
    /// <param name="values">Room for the values: the same for each.</param>
    /// <returns>What was written; nothing when the entry lacks a field, or has a value for which there is no room.</returns>
    public ReadOnlySpan<byte> ReadValues(ReadOnlySpan<byte[]> fields, Span<byte> values)
    {
        int room = values.Length / fields.Length;
        Span<int> lengths = stackalloc int[fields.Length];
        lengths.Fill(-1);
        int missing = fields.Length;
        LibSystemd.sd_journal_restart_data(_journal);
        while (missing > 0 && LibSystemd.sd_journal_enumerate_data(_journal, out byte* data, out nuint length) > 0)
        {
            ReadOnlySpan<byte> field = new(data, (int)length);
            for (int i = 0; i < fields.Length; i++)
            {
                if (lengths[i] < 0 && field.StartsWith(fields[i]))
                {
                    lengths[i] = field.Length - fields[i].Length;
                    if (lengths[i] >= room)
                    {
                        return [];
                    }

                    field[fields[i].Length..].CopyTo(values[(i * room)..]);
                    missing--;
                    break;
                }
            }
        }

        if (missing > 0)
        {
            return [];
        }

        int end = 0;
        for (int i = 0; i < fields.Length; i++)
        {
            values.Slice(i * room, lengths[i]).CopyTo(values[end..]);
            end += lengths[i];
            values[end++] = 0;
        }

        return values[..end];
    }

    public void Dispose() => _journal.Dispose();

    private int Check(int result, string operation) => LibSystemd.Check(result, operation, _namespace);
}
