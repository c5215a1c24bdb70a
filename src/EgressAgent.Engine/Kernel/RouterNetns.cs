using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The netns of one router. Its name is followed anew for every look, so that a netns that was deleted or replaced meanwhile is
/// seen as such; what lost the name is held until <see cref="LetGo"/>.
/// </summary>
internal sealed class RouterNetns(RouterKey key, RouterEars ears) : IDisposable
{
    private readonly string _name = RouterNames.Netns(key);
    private readonly List<Attachment> _nameless = [];
    private Attachment? _current;

    /// <summary>Whether the agent still holds a netns of the router's that lost its name.</summary>
    internal bool HasNameless => _nameless.Count > 0;

    /// <summary>Whether there was a netns when its name was last followed.</summary>
    internal bool IsOpen => _current is not null;

    internal NetworkNamespace Namespace => Current.Netns;

    internal RouteNetlink Route => Current.Route;

    private Attachment Current => _current ?? throw new InvalidOperationException($"the netns of {key} is not open");

    /// <summary>Follows the name to the netns that it means now. False when there is none.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one; then everything is as before the call.</exception>
    internal bool Follow()
    {
        NetworkNamespace? found = NetworkNamespace.TryOpen(_name);
        if (found is not null && found.Equals(_current?.Netns))
        {
            found.Dispose();
            return true;
        }

        Attachment? attached = found is null ? null : Attach(found);
        if (_current is not null)
        {
            _nameless.Add(_current);
        }

        _current = attached;
        if (attached is null)
        {
            ears.Unwatch();
        }

        return attached is not null;
    }

    /// <summary>Makes the netns if there is none of its name.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Create()
    {
        // A name without a namespace behind it is what a crash in the middle of making one, or a lost mount, leaves.
        if (NetworkNamespace.GetState(_name) == NamedNamespaceState.Stale)
        {
            NetworkNamespace.Delete(_name);
        }

        NetworkNamespace.TryCreate(_name)?.Dispose();
        if (!Follow())
        {
            throw new LinuxException("open network namespace", _name, Errno.ENOENT);
        }
    }

    /// <summary>
    /// Takes the router's interfaces out of a netns that lost its name. It lives on until its last user is gone, and some time after
    /// that; until then its macvlan would hold the router's MAC and answer for its address.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void LetGo()
    {
        while (_nameless is [.., var last])
        {
            last.Route.RemoveLinkByName(RouterNames.OutsideLink);
            last.Route.RemoveLinkByName(RouterNames.InsideLink);
            last.Dispose();
            _nameless.RemoveAt(_nameless.Count - 1);
        }
    }

    /// <summary>Removes the name. Every socket in a netns keeps it alive, and its interfaces with it; so the agent's are closed first.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Delete()
    {
        Close();
        NetworkNamespace.Delete(_name);
    }

    public void Dispose()
    {
        Close();
        foreach (Attachment attachment in _nameless)
        {
            attachment.Dispose();
        }
    }

    private void Close()
    {
        ears.Unwatch();
        _current?.Dispose();
        _current = null;
    }

    // All of it or nothing.
    private Attachment Attach(NetworkNamespace netns)
    {
        RouteNetlink? route = null;
        try
        {
            route = RouteNetlink.Open(netns);
            ears.Watch(netns);
            return new Attachment(netns, route);
        }
        catch
        {
            route?.Dispose();
            netns.Dispose();
            throw;
        }
    }

    private sealed record Attachment(NetworkNamespace Netns, RouteNetlink Route) : IDisposable
    {
        public void Dispose()
        {
            Route.Dispose();
            Netns.Dispose();
        }
    }
}
