using System.Net;

namespace EgressAgent.Model.Resources;

/// <summary>Who may use a router.</summary>
/// <param name="IncludesNode">The word <c>node</c>: the node's own processes, and whom it masquerades.</param>
/// <param name="Networks">Clients by their own address. With neither, nobody may.</param>
public sealed record ClientsSpec(bool IncludesNode, ValueList<IPNetwork> Networks)
{
    internal const string NodeWord = "node";

    /// <summary>The word and the networks, as a file lists them.</summary>
    public IEnumerable<string> Words => [.. IncludesNode ? [NodeWord] : ValueList<string>.Empty, .. Networks.Select(network => network.ToString())];

    /// <summary>What <see cref="Words"/> gave.</summary>
    /// <exception cref="FormatException">A word is no network.</exception>
    public static ClientsSpec OfWords(ValueList<string> words) =>
        new(words.Contains(NodeWord), words.Where(word => word != NodeWord).Select(IPNetwork.Parse).ToValueList());

    /// <summary>As it is written in a file: <c>node, 10.0.0.0/8</c>.</summary>
    public override string ToString() => string.Join(", ", Words);
}
