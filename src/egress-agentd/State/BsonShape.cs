using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>Reads the values of a stored document; one of another shape makes it throw what <see cref="IsOfAnotherShape"/> knows.</summary>
internal static class BsonShape
{
    internal static BsonValue IdOf(ResourceKey key) => key.ToString();

    internal static bool IsOfAnotherShape(Exception exception) =>
        exception is FormatException or ArgumentException;

    internal static InterfaceAddress ReadInterfaceAddress(BsonValue value) =>
        InterfaceAddress.TryParse(Text(value), out InterfaceAddress? address) ? address : throw new FormatException(Text(value));

    internal static BsonArray Texts<T>(IEnumerable<T> values) => new(values.Select(value => new BsonValue(value?.ToString())));

    internal static ValueList<T> Items<T>(BsonValue list, Func<BsonValue, T> read) =>
        list.IsArray ? list.AsArray.Select(read).ToValueList() : throw new FormatException($"{list} is no list");

    internal static string Text(BsonValue value) => value.IsString ? value.AsString : throw new FormatException($"{value} is no text");

    internal static int Number(BsonValue value) => value.IsInt32 ? value.AsInt32 : throw new FormatException($"{value} is no number");

    internal static long LongNumber(BsonValue value) => value.IsInt64 ? value.AsInt64 : throw new FormatException($"{value} is no long number");

    internal static BsonDocument Document(BsonValue value) => value.IsDocument ? value.AsDocument : throw new FormatException($"{value} is no document");

    internal static T? Optional<T>(BsonValue value, Func<string, T> read)
        where T : class => value.IsNull ? null : read(Text(value));

    internal static T? OptionalChoice<T>(BsonValue value)
        where T : struct, Enum => value.IsNull ? null : Enum.Parse<T>(Text(value));
}
