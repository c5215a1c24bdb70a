namespace EgressAgent.Linux.Namespaces;

/// <summary>What stands at <c>/run/netns/NAME</c>.</summary>
public enum NamedNamespaceState
{
    /// <summary>Nothing: the name is free.</summary>
    Missing,

    /// <summary>
    /// A file on which no network namespace is mounted: somebody unmounted it, or a creator died half-way. It blocks the name
    /// until <see cref="NetworkNamespace.Delete"/> removes it.
    /// </summary>
    Stale,

    /// <summary>A network namespace.</summary>
    Present,
}
