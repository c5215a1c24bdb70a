using System.Net;

namespace EgressAgent.Model.Resources;

/// <summary>Who may use a router.</summary>
/// <param name="IncludesNode">The word <c>node</c>: the node's own processes, and whom it masquerades.</param>
/// <param name="Networks">Clients by their own address. With neither, nobody may.</param>
public sealed record ClientsSpec(bool IncludesNode, ValueList<IPNetwork> Networks)
{
    internal const string NodeWord = "node";

    /// <summary>As it is written in a file: <c>node, 10.0.0.0/8</c>.</summary>
    public override string ToString() =>
        string.Join(", ", [.. IncludesNode ? [NodeWord] : ValueList<string>.Empty, .. Networks.Select(network => network.ToString())]);
}
