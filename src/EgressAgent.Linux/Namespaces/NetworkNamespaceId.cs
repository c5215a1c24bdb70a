namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// What identifies a network namespace for as long as it lives: the device and inode number of its nsfs file (namespaces(7)).
/// A namespace that was deleted and made again under its old name has another identity.
/// </summary>
public readonly record struct NetworkNamespaceId(ulong Device, ulong Inode)
{
    /// <summary>As readlink of <c>/proc/PID/ns/net</c> shows it: <c>net:[4026531833]</c>.</summary>
    public override string ToString() => $"net:[{Inode}]";
}
