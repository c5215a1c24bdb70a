using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads who may use a router: the word <c>node</c> and networks.</summary>
internal static class ClientsReader
{
    private const string What = "networks and the word `node`, separated by commas";

    /// <summary>One text, as in the annotation. What is wrong with it is reported, and left out.</summary>
    public static ClientsSpec? ReadText(Field field) =>
        field.ReadText(What) is { } text ? Read(text.Split(',', StringSplitOptions.TrimEntries).Select(part => (field, (string?)part))) : null;

    /// <summary>A list, or one text.</summary>
    public static ClientsSpec? ReadListOrText(Field field)
    {
        if (field.Node is YamlScalar)
        {
            return ReadText(field);
        }

        if (field.ReadList("a list of networks and the word `node`") is not { } items)
        {
            return null;
        }

        if (items.Count == 0)
        {
            field.Error("names nobody; leave it out if everybody may use the routers");
        }

        return Read(items.Select(item => (item, item.ReadText("a network, or the word `node`"))));
    }

    private static ClientsSpec Read(IEnumerable<(Field Field, string? Text)> parts)
    {
        bool includesNode = false;
        List<IPNetwork> networks = [];
        foreach ((Field field, string? text) in parts)
        {
            if (text == ClientsSpec.NodeWord)
            {
                includesNode = true;
            }
            else if (text is null)
            {
                continue;
            }
            else if (AddressText.ParseNetwork(text, out IPNetwork network) is { } fault)
            {
                string hint = Suggestion.Nearest(text, [ClientsSpec.NodeWord]) is null ? "" : $"; did you mean `{ClientsSpec.NodeWord}`?";
                field.Error(fault + hint);
            }
            else
            {
                networks.Add(network);
            }
        }

        return new ClientsSpec(includesNode, networks.ToValueList());
    }
}
