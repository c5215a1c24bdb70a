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
internal sealed class RouterNetns(RouterKey key, Ownership ownership, RouterEars ears) : IDisposable
{
    private readonly string _name = RouterNames.Netns(key);
    private readonly List<Attachment> _nameless = [];
    private Attachment? _current;

    /// <summary>Whether the agent still holds a netns of the router's that lost its name.</summary>
    internal bool HasNameless => _nameless.Count > 0;

    /// <summary>Why the netns that the name meant when it was last followed is not this agent's; null when it is, or there was none.</summary>
    internal string? WhyForeign { get; private set; }

    /// <summary>Whether there was a netns of this agent's when its name was last followed.</summary>
    internal bool IsOpen => _current is not null;

    internal NetworkNamespace Namespace => Current.Netns;

    internal RouteNetlink Route => Current.Route;

    private Attachment Current => _current ?? throw new InvalidOperationException($"the netns of {key} is not open");

    /// <summary>
    /// Follows the name to the netns that it means now. False when there is none, or it is not this agent's: that one is not held, nor
    /// listened in.
    /// </summary>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one; then everything is as before the call.</exception>
    internal bool Follow()
    {
        NetworkNamespace? found = NetworkNamespace.TryOpen(_name);
        if (found is not null && found.Equals(_current?.Netns))
        {
            found.Dispose();
            return true;
        }

        NetworkNamespaceId? id = found?.Id;
        (Attachment? attached, WhyForeign) = found is null ? (null, null) : Attach(found);
        if (_current is not null)
        {
            _nameless.Add(_current);
        }

        _current = attached;
        if (attached is null)
        {
            ears.Unwatch(leftAlone: id);
        }

        return attached is not null;
    }

    /// <summary>Makes the netns if there is none of its name. It has the mark before it has the name.</summary>
    /// <exception cref="LinuxException">The kernel refused, or somebody else took the name.</exception>
    internal void Create()
    {
        // A name without a namespace behind it is what a crash in the middle of making one, or a lost mount, leaves.
        NetworkNamespace.TryRemoveStale(_name);
        NetworkNamespace.TryCreate(_name, Mark)?.Dispose();
        if (!Follow())
        {
            throw new LinuxException("create network namespace", _name, WhyForeign is null ? Errno.ENOENT : Errno.EEXIST, WhyForeign);
        }
    }

    /// <summary>Writes the mark where it is missing: it is of version 0.1.0, or somebody took it away.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Mark() => Mark(Current.Route);

    /// <summary>Who keeps alive what lost the name: processes in it and sockets of it, this process's excepted.</summary>
    internal IEnumerable<string> FindHolders() =>
        _nameless.SelectMany(lost => lost.Netns.FindProcesses().Select(process => $"process {process}").Concat(lost.Netns.FindSockets()));

    /// <summary>
    /// Takes the router's interfaces out of a netns that lost its name. It lives on until its last user is gone, and some time after
    /// that; until then its macvlan would hold the router's MAC and answer for its address.
    /// </summary>
    /// <param name="lastLook">Called with each such netns, once no packet comes into it any more.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void LetGo(Action<NetworkNamespace> lastLook)
    {
        while (_nameless is [.., var last])
        {
            last.Route.RemoveLinkByName(RouterNames.OutsideLink);
            last.Route.RemoveLinkByName(RouterNames.InsideLink);
            last.Route.RemoveLinkByName(RouterNames.ServiceLink);
            lastLook(last.Netns);
            last.Dispose();
            _nameless.RemoveAt(_nameless.Count - 1);
        }
    }

    /// <summary>Removes the name. Every socket in a netns keeps it alive, and its interfaces with it; so the agent's are closed first.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Delete()
    {
        // What was looked at, or a name that holds nothing.
        bool isOurs = _current is not null && _current.Netns.Id == NetworkNamespace.TryGetId(_name);
        Close();
        if (isOurs)
        {
            NetworkNamespace.Delete(_name);
        }
        else
        {
            NetworkNamespace.TryRemoveStale(_name);
        }
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

    private void Mark(NetworkNamespace netns)
    {
        using var route = RouteNetlink.Open(netns);
        Mark(route);
    }

    private void Mark(RouteNetlink route) => route.SetLinkAlias(route.GetRequiredLink("lo").Index, ownership.Mark);

    // All of it or nothing.
    private (Attachment? Attached, string? WhyForeign) Attach(NetworkNamespace netns)
    {
        RouteNetlink? route = null;
        try
        {
            route = RouteNetlink.Open(netns);
            if (ownership.WhyForeign(netns, route) is { } why)
            {
                route.Dispose();
                netns.Dispose();
                return (null, why);
            }

            ears.Watch(netns);
            return (new Attachment(netns, route), null);
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
