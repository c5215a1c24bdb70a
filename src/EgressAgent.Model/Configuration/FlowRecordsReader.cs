using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads where records of flows go, and what they tell.</summary>
internal static class FlowRecordsReader
{
    // The path of the namespace's socket has to fit into an address of AF_UNIX.
    private const int LongestNamespace = 64;

    public static FlowRecordSettings Read(Field field)
    {
        FlowRecordSettings defaults = FlowRecordSettings.Default;
        if (field.ReadFields() is not { } fields)
        {
            return defaults;
        }

        var settings = new FlowRecordSettings(
            fields.Read(SettingsFields.JournalNamespace) is { } name ? ReadNamespace(name) ?? defaults.Namespace : defaults.Namespace,
            fields.Read(SettingsFields.Destinations)?.ReadBoolean() ?? defaults.TellsDestinations);
        fields.Close();
        return settings;
    }

    private static string? ReadNamespace(Field field)
    {
        const string what = "the name of a journal namespace, such as `egress-flows`: up to 64 letters, digits, `-`, `_` and `.`, and a letter or digit first";
        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (text.Length is > 0 and <= LongestNamespace
            && char.IsAsciiLetterOrDigit(text[0])
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
        {
            return text;
        }

        field.Error($"must be {what}; not {YamlScalar.Quote(text)}");
        return null;
    }
}
