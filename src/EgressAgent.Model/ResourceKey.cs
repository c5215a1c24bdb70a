namespace EgressAgent.Model;

/// <summary>The kinds of documents that the agent serves.</summary>
public enum ResourceKind
{
    EgressRouter,
}

/// <summary>The identity of a document of any kind. The names of one kind say nothing about those of another.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Namespace">Its <c>metadata.namespace</c>.</param>
/// <param name="Name">Its <c>metadata.name</c>.</param>
public readonly record struct ResourceKey(ResourceKind Kind, string Namespace, string Name)
{
    /// <summary><c>EgressRouter/default/web</c>: the form that is stored and hashed, so it never changes.</summary>
    public override string ToString() => $"{Kind}/{Namespace}/{Name}";

    public static implicit operator ResourceKey(RouterKey key) => new(ResourceKind.EgressRouter, key.Namespace, key.Name);
}
