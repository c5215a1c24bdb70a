namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// What identifies a network namespace for as long as it lives: the device and inode number of its nsfs file (namespaces(7)).
/// Once it is gone the number may be another's at once: <see cref="Nftables.NftConnection.NetnsCookie"/> is nobody else's until the next boot.
/// </summary>
public readonly record struct NetworkNamespaceId(ulong Device, ulong Inode)
{
    /// <summary>As readlink of <c>/proc/PID/ns/net</c> shows it: <c>net:[4026531833]</c>.</summary>
    public override string ToString() => $"net:[{Inode}]";
}
