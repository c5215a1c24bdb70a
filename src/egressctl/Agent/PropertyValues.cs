using Tmds.DBus.Protocol;

namespace EgressAgent.Control.Agent;

/// <summary>The properties of an object. One that an older agent does not have is empty, or 0.</summary>
internal readonly struct PropertyValues(Dictionary<string, VariantValue> values)
{
    internal string Text(string name) => values.TryGetValue(name, out VariantValue value) ? value.GetString() : "";

    internal uint Number(string name) => values.TryGetValue(name, out VariantValue value) ? value.GetUInt32() : 0;

    internal ulong LongNumber(string name) => values.TryGetValue(name, out VariantValue value) ? value.GetUInt64() : 0;

    internal string[] Texts(string name) => values.TryGetValue(name, out VariantValue value) ? value.GetArray<string>() : [];

    /// <summary>Of a dictionary of numbers; one that is not told is left out.</summary>
    internal Dictionary<string, ulong> Numbers(string name)
    {
        Dictionary<string, ulong> numbers = [];
        if (values.TryGetValue(name, out VariantValue value))
        {
            for (int index = 0; index < value.Count; index++)
            {
                (VariantValue key, VariantValue number) = (value.GetDictionaryEntry(index).Key, value.GetDictionaryEntry(index).Value);
                numbers[key.GetString()] = number.GetUInt64();
            }
        }

        return numbers;
    }

    internal T[] Structs<T>(string name, Func<VariantValue, T> read) => values.TryGetValue(name, out VariantValue value)
        ? [.. Enumerable.Range(0, value.Count).Select(index => read(value.GetItem(index)))]
        : [];
}
