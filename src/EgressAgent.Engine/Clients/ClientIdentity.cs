using EgressAgent.Linux.Cgroups;

namespace EgressAgent.Engine.Clients;

/// <summary>Who is in one control group. It may be known only a moment after the group's id is. Thread-safe.</summary>
/// <param name="names">The names of containers.</param>
internal sealed class ClientIdentity(ContainerNames names)
{
    // As engines abbreviate them.
    private const int ShortId = 12;

    private volatile CgroupPath? _path;
    private volatile bool _isResolved;

    /// <summary>Whether more will not be known, but for the name of a container.</summary>
    internal bool IsResolved => _isResolved;

    /// <summary>The systemd unit; null where there is none, or it is not known.</summary>
    internal string? Unit => _path?.Unit;

    /// <summary>The name of the container, or its short id while no engine has said the name; null where there is none.</summary>
    internal string? Container => _path?.Container switch
    {
        null => null,
        { Engine: "machine" } machine => machine.Id,
        { } container => names.Find(container) ?? container.Id[..ShortId],
    };

    /// <param name="path">Null where the group has gone.</param>
    internal void Resolve(CgroupPath? path)
    {
        _path = path;
        _isResolved = true;

        // So that the name is known by the time somebody wants it.
        _ = Container;
    }
}
