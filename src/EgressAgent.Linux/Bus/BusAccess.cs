namespace EgressAgent.Linux.Bus;

/// <summary>Who may call a method, whatever the bus policy says beyond that.</summary>
public enum BusAccess
{
    /// <summary>Everyone who can reach the service.</summary>
    Everyone,

    /// <summary>
    /// Root, and the user that the service itself runs as. Others get <see cref="BusErrorNames.AccessDenied"/> before their
    /// arguments are looked at. The bus vouches for the identity; a caller that has left by then has none and is refused too.
    /// </summary>
    Privileged,
}
