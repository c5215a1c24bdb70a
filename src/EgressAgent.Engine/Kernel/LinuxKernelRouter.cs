using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// One router in the real kernel. Its netns is opened anew for every pass, so that one that was deleted or replaced meanwhile is
/// seen as such.
/// </summary>
internal sealed partial class LinuxKernelRouter : IKernelRouter
{
    private readonly RouterKey _key;
    private readonly string _netnsName;
    private readonly string _nodeLink;
    private readonly NetworkNamespace _node;
    private readonly RouteNetlink _nodeRoute;
    private readonly ChangeMonitor _monitor;
    private readonly RedirectEngine _redirect;
    private readonly AddressDefence _defence;

    private NetworkNamespace? _netns;
    private RouteNetlink? _route;

    internal LinuxKernelRouter(RouterKey key, NetworkNamespace node, RouteNetlink nodeRoute, ChangeMonitor monitor, RelayHost relays)
    {
        _key = key;
        _netnsName = RouterNames.Netns(key);
        _nodeLink = RouterNames.NodeLink(key);
        _node = node;
        _nodeRoute = nodeRoute;
        _monitor = monitor;
        _redirect = new RedirectEngine(key, relays);
        _defence = new AddressDefence(key, monitor);
        _monitor.Register(key);
    }

    public void Dispose()
    {
        CloseNetns();
        _defence.Dispose();
        _monitor.Unregister(_key);
    }

    private RouteNetlink Route => _route ?? throw new InvalidOperationException($"the netns of {_key} is not open");

    private NetworkNamespace Netns => _netns ?? throw new InvalidOperationException($"the netns of {_key} is not open");

    /// <summary>Follows the name to the namespace that it means now. False when there is none.</summary>
    private bool OpenNetns()
    {
        NetworkNamespace? current = NetworkNamespace.TryOpen(_netnsName);
        if (current is not null && _netns is not null && current.Equals(_netns))
        {
            current.Dispose();
            return true;
        }

        // A namespace that lost its name lives on until its last user is gone, and some time after that; until then its macvlan
        // would hold the router's MAC and answer for its address.
        RemoveLink(_route, RouterNames.OutsideLink);
        RemoveLink(_route, RouterNames.InsideLink);
        if (_netns is not null)
        {
            _redirect.Stop();
        }

        CloseNetns();
        if (current is null)
        {
            return false;
        }

        _netns = current;
        _route = RouteNetlink.Open(current);
        _monitor.Watch(_key, current);
        return true;
    }

    // Every socket in a netns keeps it alive, and its interfaces with it.
    private void CloseNetns()
    {
        _monitor.Unwatch(_key);
        _defence.Stop();
        _route?.Dispose();
        _route = null;
        _netns?.Dispose();
        _netns = null;
    }
}
