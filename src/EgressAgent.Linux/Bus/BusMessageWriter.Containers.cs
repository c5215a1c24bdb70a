using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

public readonly unsafe ref partial struct BusMessageWriter
{
    /// <summary>Opens an array; its elements follow, then <see cref="Close"/>.</summary>
    /// <param name="element">The signature of one element.</param>
    public void OpenArray(string element) => Open('a', element);

    /// <summary>Opens a struct; its fields follow, then <see cref="Close"/>.</summary>
    /// <param name="fields">The signatures of all fields, one after the other, without parentheses.</param>
    public void OpenStruct(string fields) => Open('r', fields);

    /// <summary>Opens an entry of an array of entries; key and value follow, then <see cref="Close"/>.</summary>
    /// <param name="keyAndValue">The two signatures, without braces.</param>
    public void OpenDictEntry(string keyAndValue) => Open('e', keyAndValue);

    /// <summary>Opens a variant; one value of that type follows, then <see cref="Close"/>.</summary>
    public void OpenVariant(string type) => Open('v', type);

    /// <summary>Closes what was opened last.</summary>
    public void Close()
    {
        int result = LibSystemd.sd_bus_message_close_container(_message);
        if (result < 0)
        {
            ThrowRefused(result, "end of container");
        }
    }

    /// <summary>Writes an <c>as</c>.</summary>
    public void WriteStrings(IEnumerable<string> values)
    {
        OpenArray("s");
        foreach (string value in values)
        {
            WriteString(value);
        }

        Close();
    }

    private void Open(char type, string contents)
    {
        int result = LibSystemd.sd_bus_message_open_container(_message, (byte)type, contents);
        if (result < 0)
        {
            ThrowRefused(result, $"container of {contents}");
        }
    }
}
