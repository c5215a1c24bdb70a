using System.Text;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Texts in messages, so that none of them ends the connection and none takes more memory than it may.</summary>
public static class BusTexts
{
    // The library's own encoder writes longer texts in parts, and puts U+FFFD for a character that falls between two of them.
    private const int LongText = 1000;

    /// <summary>
    /// Writes an <c>s</c>. D-Bus cannot carry NUL, and the bus closes the connection of who sends it: U+FFFD takes its place, as
    /// that of half a surrogate pair.
    /// </summary>
    public static void WriteText(this ref MessageWriter body, string text)
    {
        string legal = text.Contains('\0') ? text.Replace('\0', '\uFFFD') : text;
        if (legal.Length <= LongText)
        {
            body.WriteString(legal);
        }
        else
        {
            body.WriteString(Encoding.UTF8.GetBytes(legal));
        }
    }

    /// <summary>Writes an <c>as</c>.</summary>
    public static void WriteTexts(this ref MessageWriter body, IEnumerable<string> texts)
    {
        ArrayStart array = body.WriteArrayStart(DBusType.String);
        foreach (string text in texts)
        {
            body.WriteText(text);
        }

        body.WriteArrayEnd(array);
    }

    /// <summary>Reads an <c>s</c> that is not longer than that many bytes.</summary>
    /// <exception cref="BusException"><see cref="BusErrorNames.InvalidArgs"/>: the text is longer.</exception>
    public static string ReadText(this ref Reader body, int maxBytes)
    {
        Reader ahead = body;
        return ahead.ReadUInt32() <= maxBytes
            ? body.ReadString()
            : throw new BusException(BusErrorNames.InvalidArgs, $"A text of more than {maxBytes} bytes is not taken.");
    }
}
