using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

public readonly unsafe ref partial struct BusMessageReader
{
    /// <summary>Enters an array; the elements follow, then <see cref="Exit"/>.</summary>
    /// <param name="element">The signature of one element.</param>
    public void EnterArray(string element) => Demand(Enter('a', element), "a" + element);

    /// <summary>Enters a struct; every field has to be read, then <see cref="Exit"/>.</summary>
    /// <param name="fields">The signatures of all fields, one after the other, without parentheses.</param>
    public void EnterStruct(string fields) => Demand(Enter('r', fields), $"({fields})");

    /// <summary>Enters the next struct of an array; false at the array's end, where nothing was entered.</summary>
    public bool TryEnterStruct(string fields) => TryEnter('r', fields, $"({fields})");

    /// <summary>Enters the next entry of an array of entries; false at the array's end, where nothing was entered.</summary>
    /// <param name="keyAndValue">The two signatures, without braces.</param>
    public bool TryEnterDictEntry(string keyAndValue) => TryEnter('e', keyAndValue, $"{{{keyAndValue}}}");

    /// <summary>Enters a variant that holds exactly this type; one value follows, then <see cref="Exit"/>.</summary>
    public void EnterVariant(string type) => Demand(Enter('v', type), $"variant of {type}");

    /// <summary>The signature of the value inside the variant that comes next.</summary>
    public string PeekVariantType()
    {
        int result = LibSystemd.sd_bus_message_peek_type(_message, out byte type, out byte* contents);
        Demand(type == 'v' ? result : 0, "v");
        return Utf8StringMarshaller.ConvertToManaged(contents) ?? "";
    }

    /// <summary>Leaves what was entered last. All of it has to be read or skipped.</summary>
    public void Exit()
    {
        int result = LibSystemd.sd_bus_message_exit_container(_message);
        if (result < 0)
        {
            ThrowUnexpected("end of container");
        }
    }

    /// <summary>Passes over values.</summary>
    /// <param name="signature">The signatures of all values to pass over.</param>
    public void Skip(string signature)
    {
        int result = LibSystemd.sd_bus_message_skip(_message, signature);
        if (result < 0)
        {
            ThrowUnexpected(signature);
        }
    }

    /// <summary>Whether the array that was entered last, or the message, has nothing left.</summary>
    public bool AtEnd
    {
        get
        {
            int type = LibSystemd.sd_bus_message_peek_type(_message, out _, out _);
            return type >= 0 ? type == 0 : throw new BusException(BusErrorNames.InvalidArgs, "The message is malformed.");
        }
    }

    /// <summary>Reads an <c>as</c>.</summary>
    public List<string> ReadStrings()
    {
        List<string> values = [];
        EnterArray("s");
        while (!AtEnd)
        {
            values.Add(ReadString());
        }

        Exit();
        return values;
    }

    private bool TryEnter(char type, string contents, string expected)
    {
        int result = Enter(type, contents);
        if (result < 0)
        {
            ThrowUnexpected(expected);
        }

        return result > 0;
    }

    private int Enter(char type, string contents) =>
        LibSystemd.sd_bus_message_enter_container(_message, (byte)type, contents);
}
