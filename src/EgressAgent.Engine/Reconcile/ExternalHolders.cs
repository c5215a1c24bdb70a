using System.Net;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Which router is to hold which external address, and which one does. An address that moves is taken by the one when the other has given
/// it up. Thread-safe.
/// </summary>
internal sealed class ExternalHolders
{
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, HashSet<IPAddress>> _held = [];
    private readonly Dictionary<RouterKey, HashSet<IPAddress>> _granted = [];
    private IReadOnlyDictionary<IPAddress, RouterKey>? _assigned;

    /// <summary>Raised on any thread with the routers that have something to take or to give up. Handlers return at once.</summary>
    internal event Action<IReadOnlyCollection<RouterKey>>? Changed;

    /// <summary>Raised on any thread when another router holds an address, or none. Handlers return at once.</summary>
    internal event Action? HeldChanged;

    /// <summary>
    /// Grants a router what it is to hold: of the ports that lead to it, those at addresses that no other router has or was granted. Before
    /// the first decision these are what it holds. The grant ends with <see cref="Note"/>: of a pass that fails, with that of the next one.
    /// </summary>
    internal ValueList<ExternalPort> Grant(RegisteredRouter router)
    {
        if (router.ExternalPorts.Count == 0)
        {
            return [];
        }

        lock (_lock)
        {
            ValueList<ExternalPort> ports =
            [
                .. router.ExternalPorts.Where(port => _assigned is null
                    ? _held.GetValueOrDefault(router.Key)?.Contains(port.Address) == true
                    : HasAssigned(port.Address, router.Key) && !_held.Concat(_granted).Any(other => other.Key != router.Key && other.Value.Contains(port.Address))),
            ];
            _granted[router.Key] = [.. ports.Select(port => port.Address)];
            return ports;
        }
    }

    /// <summary>Who is to hold an address and does; null when nobody does.</summary>
    internal RouterKey? HolderOf(IPAddress address)
    {
        lock (_lock)
        {
            foreach ((RouterKey router, HashSet<IPAddress> addresses) in _held)
            {
                if (addresses.Contains(address) && (_assigned is null || HasAssigned(address, router)))
                {
                    return router;
                }
            }

            return null;
        }
    }

    /// <summary>Notes which addresses a router has on the physical network. What it was granted beside them it does not take any more.</summary>
    internal void Note(RouterKey router, IEnumerable<IPAddress> addresses)
    {
        HashSet<IPAddress> now = [.. addresses];
        RouterKey[] waiting;
        bool isChanged;
        lock (_lock)
        {
            HashSet<IPAddress> before = _held.GetValueOrDefault(router) ?? [];
            IEnumerable<IPAddress> granted = _granted.Remove(router, out HashSet<IPAddress>? grant) ? grant : [];
            isChanged = !before.SetEquals(now);
            if (now.Count > 0)
            {
                _held[router] = now;
            }
            else
            {
                _held.Remove(router);
            }

            waiting =
            [
                .. from address in before.Union(granted).Except(now)
                   where _assigned?.ContainsKey(address) == true && !HasAssigned(address, router)
                   select _assigned![address],
            ];
        }

        if (waiting.Length > 0)
        {
            Changed?.Invoke(waiting);
        }

        if (isChanged)
        {
            HeldChanged?.Invoke();
        }
    }

    /// <summary>Decides who is to hold what.</summary>
    internal void Assign(IReadOnlyDictionary<IPAddress, RouterKey> holders)
    {
        HashSet<RouterKey> concerned;
        lock (_lock)
        {
            IReadOnlyDictionary<IPAddress, RouterKey> before = _assigned ?? new Dictionary<IPAddress, RouterKey>();
            concerned = [.. before.Except(holders).Concat(holders.Except(before)).Select(entry => entry.Value)];
            if (_assigned is null)
            {
                // What an earlier agent left is given up by those to whom it does not belong.
                concerned.UnionWith(_held.Keys.Where(router => _held[router].Any(address => !holders.TryGetValue(address, out RouterKey holder) || holder != router)));
            }

            _assigned = holders;
        }

        if (concerned.Count > 0)
        {
            Changed?.Invoke(concerned);
        }
    }

    private bool HasAssigned(IPAddress address, RouterKey router) => _assigned!.TryGetValue(address, out RouterKey holder) && holder == router;
}
