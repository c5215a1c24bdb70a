namespace EgressAgent.Model;

/// <summary>
/// The identity of a router: its <c>metadata.namespace</c> and <c>metadata.name</c>. Every kernel name of the router is
/// derived from it, so it is what the agent looks for after a restart.
/// </summary>
/// <param name="Namespace">A DNS-1123 label.</param>
/// <param name="Name">A DNS-1123 subdomain.</param>
public readonly record struct RouterKey(string Namespace, string Name) : IComparable<RouterKey>
{
    public const string DefaultNamespace = "default";

    /// <summary>The form that people read and type: <c>default/web</c>.</summary>
    public override string ToString() => $"{Namespace}/{Name}";

    /// <summary>Reads <c>namespace/name</c>, or a bare <c>name</c> in the default namespace.</summary>
    public static bool TryParse(string text, out RouterKey key)
    {
        int slash = text.IndexOf('/');
        key = slash < 0 ? new RouterKey(DefaultNamespace, text) : new RouterKey(text[..slash], text[(slash + 1)..]);
        return key.Namespace.Length > 0 && key.Name.Length > 0 && !key.Name.Contains('/');
    }

    public int CompareTo(RouterKey other)
    {
        int byNamespace = string.CompareOrdinal(Namespace, other.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(Name, other.Name);
    }

    public static bool operator <(RouterKey left, RouterKey right) => left.CompareTo(right) < 0;

    public static bool operator >(RouterKey left, RouterKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(RouterKey left, RouterKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(RouterKey left, RouterKey right) => left.CompareTo(right) >= 0;
}
