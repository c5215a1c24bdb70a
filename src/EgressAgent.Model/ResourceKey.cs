namespace EgressAgent.Model;

/// <summary>The kinds of documents that the agent serves.</summary>
public enum ResourceKind
{
    EgressRouter,
    Service,
}

/// <summary>The identity of a document of any kind. The names of one kind say nothing about those of another.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Namespace">Its <c>metadata.namespace</c>.</param>
/// <param name="Name">Its <c>metadata.name</c>.</param>
public readonly record struct ResourceKey(ResourceKind Kind, string Namespace, string Name) : IComparable<ResourceKey>
{
    /// <summary>The router of that name; null when it is none.</summary>
    public RouterKey? Router => Kind == ResourceKind.EgressRouter ? new RouterKey(Namespace, Name) : null;

    /// <summary>The form that people read: <c>router default/web</c>, <c>Service default/web</c>.</summary>
    public string Title => Kind == ResourceKind.EgressRouter ? $"router {ShortTitle}" : ShortTitle;

    /// <summary>As where routers alone are spoken of: <c>default/web</c>, but <c>Service default/web</c>.</summary>
    public string ShortTitle => Kind == ResourceKind.EgressRouter ? $"{Namespace}/{Name}" : $"{Kind} {Namespace}/{Name}";

    /// <summary><c>EgressRouter/default/web</c>: the form that is stored and hashed, so it never changes.</summary>
    public override string ToString() => $"{Kind}/{Namespace}/{Name}";

    public int CompareTo(ResourceKey other) => Kind != other.Kind
        ? Kind.CompareTo(other.Kind)
        : new RouterKey(Namespace, Name).CompareTo(new RouterKey(other.Namespace, other.Name));

    public static implicit operator ResourceKey(RouterKey key) => new(ResourceKind.EgressRouter, key.Namespace, key.Name);

    public static bool operator <(ResourceKey left, ResourceKey right) => left.CompareTo(right) < 0;

    public static bool operator >(ResourceKey left, ResourceKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(ResourceKey left, ResourceKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ResourceKey left, ResourceKey right) => left.CompareTo(right) >= 0;
}
