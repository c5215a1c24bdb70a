using System.Buffers;

namespace EgressAgent.Linux.Journal;

/// <summary>Field names that journald accepts from clients (systemd.journal-fields(7)), and the well-known ones in use here.</summary>
public static class JournalField
{
    public const string Message = "MESSAGE";
    public const string MessageId = "MESSAGE_ID";
    public const string Priority = "PRIORITY";
    public const string SyslogIdentifier = "SYSLOG_IDENTIFIER";

    // journald drops a field with a longer name.
    private const int MaxLength = 64;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    /// <summary>
    /// Whether journald keeps a field of that name: 1 to 64 of A-Z, 0-9 and underscore, beginning with a letter (a leading
    /// underscore marks what journald itself vouches for). It drops others without a word.
    /// </summary>
    public static bool IsValid(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= MaxLength && char.IsAsciiLetterUpper(name[0]) && !name.ContainsAnyExcept(Allowed);
}
