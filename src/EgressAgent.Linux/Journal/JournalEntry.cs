using System.Buffers;
using System.Globalization;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Journal;

/// <summary>
/// One structured entry on its way to the journal: fields are added, then it is sent. A value may hold anything, newlines and NUL
/// bytes included. An entry can be cleared and used again, and keeps its buffers, so that a logger needs one for each thread.
/// Not for use by two threads at once.
/// </summary>
public sealed unsafe class JournalEntry
{
    // An entry that grew beyond this gives its buffer back, lest one huge message stay in memory for good.
    private const int KeptBytes = 64 * 1024;

    private readonly List<int> _ends = [];
    private ArrayBufferWriter<byte> _bytes = new(1024);

    /// <summary>Whether there is a journald where this process looks for it.</summary>
    public static bool HasReceiver => File.Exists("/run/systemd/journal/socket");

    /// <summary>How many fields it has.</summary>
    public int Count => _ends.Count;

    /// <summary>Adds a field. One name may be added several times; journald keeps every value.</summary>
    /// <exception cref="ArgumentException">journald would drop a field of that name (<see cref="JournalField.IsValid"/>).</exception>
    public void Add(string field, ReadOnlySpan<char> value)
    {
        BeginField(field);
        Encoding.UTF8.GetBytes(value, _bytes);
        EndField();
    }

    /// <inheritdoc cref="Add(string, ReadOnlySpan{char})"/>
    public void Add(string field, ReadOnlySpan<byte> value)
    {
        BeginField(field);
        _bytes.Write(value);
        EndField();
    }

    /// <summary>Adds a decimal number.</summary>
    /// <exception cref="ArgumentException">journald would drop a field of that name (<see cref="JournalField.IsValid"/>).</exception>
    public void Add(string field, long value)
    {
        BeginField(field);
        Span<byte> digits = _bytes.GetSpan(20);
        value.TryFormat(digits, out int written, default, CultureInfo.InvariantCulture);
        _bytes.Advance(written);
        EndField();
    }

    /// <summary>Adds PRIORITY.</summary>
    public void Add(JournalPriority priority) => Add(JournalField.Priority, (long)priority);

    /// <summary>Takes all fields out.</summary>
    public void Clear()
    {
        _ends.Clear();
        if (_bytes.Capacity > KeptBytes)
        {
            _bytes = new ArrayBufferWriter<byte>(1024);
        }

        _bytes.ResetWrittenCount();
    }

    /// <summary>
    /// Hands the entry to journald. Where there is no journald, that is success and the entry is gone: whoever cares asks
    /// <see cref="JournalStream"/> beforehand. May block while journald is behind (sd_journal_send(3)).
    /// </summary>
    /// <returns>What went wrong, <see cref="Errno.Success"/> as a rule. A logger has nobody to throw to.</returns>
    public Errno Send()
    {
        LibSystemd.IoVector[]? rented = null;
        Span<LibSystemd.IoVector> vectors = _ends.Count <= 64
            ? stackalloc LibSystemd.IoVector[64]
            : rented = ArrayPool<LibSystemd.IoVector>.Shared.Rent(_ends.Count);
        fixed (byte* bytes = _bytes.WrittenSpan)
        fixed (LibSystemd.IoVector* first = vectors)
        {
            int start = 0;
            for (int i = 0; i < _ends.Count; i++)
            {
                vectors[i] = new LibSystemd.IoVector { iov_base = bytes + start, iov_len = (nuint)(_ends[i] - start) };
                start = _ends[i];
            }

            int result = LibSystemd.sd_journal_sendv(first, _ends.Count);
            if (rented is not null)
            {
                ArrayPool<LibSystemd.IoVector>.Shared.Return(rented);
            }

            return new Errno(result < 0 ? -result : 0);
        }
    }

    /// <summary>The field as it is handed to libsystemd: <c>NAME=value</c>.</summary>
    internal ReadOnlySpan<byte> GetField(int index) => _bytes.WrittenSpan[(index == 0 ? 0 : _ends[index - 1]).._ends[index]];

    private void BeginField(string field)
    {
        if (!JournalField.IsValid(field))
        {
            throw new ArgumentException($"'{field}' is not a journal field name.", nameof(field));
        }

        Encoding.ASCII.GetBytes(field, _bytes);
        _bytes.Write("="u8);
    }

    private void EndField() => _ends.Add(_bytes.WrittenCount);
}
