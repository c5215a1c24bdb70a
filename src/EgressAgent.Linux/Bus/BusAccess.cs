namespace EgressAgent.Linux.Bus;

/// <summary>
/// Who may call a method, whatever the bus policy says beyond that. Others get <see cref="BusErrorNames.AccessDenied"/>. The bus
/// vouches for the identity; a caller that has left by then has none and is refused too.
/// </summary>
public enum BusAccess
{
    /// <summary>Everyone who can reach the service.</summary>
    Everyone,

    /// <summary>Root, and the user that the service itself runs as.</summary>
    Privileged,

    /// <summary>
    /// Those who may read the system's journal (journalctl(1)): the privileged, and the members of the groups
    /// <c>adm</c> and <c>systemd-journal</c>.
    /// </summary>
    JournalReaders,
}
