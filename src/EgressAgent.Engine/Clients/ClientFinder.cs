using System.Collections.Concurrent;
using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Cgroups;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.SocketDiagnostics;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Clients;

/// <summary>
/// Finds out whose socket on the node a flow comes from: the control group of the process that made it, in the node's network namespace
/// or in a container's, also where the node or a Service translates addresses on the way. That takes some netlink exchanges a flow, on a
/// thread of its own, so that nothing holds up who hears of flows or carries them; or on that of the caller, who has one for it. What waits
/// is bounded; what finds no room, or no socket any more, is not answered. The thread is there from the first question on. Thread-safe.
/// </summary>
internal sealed class ClientFinder : IDisposable
{
    private const int Room = 16_384;
    private const int MaxIdentities = 16_384;
    private const int MaxStrangers = 4096;

    // An address of another machine is not asked for again so soon.
    private static readonly TimeSpan StrangerTime = TimeSpan.FromSeconds(2);

    // A process that ended may have left its UDP port to another by then.
    private static readonly TimeSpan UdpTime = TimeSpan.FromSeconds(1);

    // Who writes records waits that long for an answer that is to come, and after one that did not come in time for none.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Impatience = TimeSpan.FromSeconds(1);

    // Walks over the control groups take a tenth of the thread's time at most.
    private const int WalkPause = 9;

    private readonly Lock _lock = new();
    private readonly Lock _finding = new();
    private readonly object _settled = new();
    private readonly NetworkNamespace _node;
    private readonly TimeProvider _time;
    private readonly BoundedQueue<ClientInquiry?> _questions = new(Room);
    private readonly ConcurrentDictionary<IPAddress, long> _strangers = new();
    private readonly Dictionary<ulong, ClientIdentity> _identities = [];
    private readonly Dictionary<ulong, ClientIdentity> _unresolved = [];
    private readonly ContainerNames _names;
    private readonly ContainerNetworks _containers;
    private readonly Lazy<CgroupTree?> _cgroups = new(CgroupTree.TryFind);
    private Thread? _thread;
    private SocketTable? _sockets;
    private ConntrackTable? _nodeFlows;
    private NodeAddresses? _addresses;
    private (NetworkNamespaceId Id, ConntrackTable Flows)? _services;
    private TimeSpan _walkTime;
    private long _walkedAt;
    private long? _gaveUpAt;
    private volatile bool _isEnded;

    /// <param name="node">The node's network namespace; it belongs to the caller.</param>
    /// <param name="time">The clock.</param>
    internal ClientFinder(NetworkNamespace node, TimeProvider time)
        : this(
            node,
            time,
            new ContainerNames(ContainerNames.DockerSocket, ContainerNames.PodmanDirectories),
            new ContainerNetworks(node.Id, ContainerNetworks.EngineDirectories, time))
    {
    }

    /// <inheritdoc cref="ClientFinder(NetworkNamespace, TimeProvider)"/>
    /// <param name="node">As there.</param>
    /// <param name="time">As there.</param>
    /// <param name="names">What containers are called; it belongs to the finder.</param>
    /// <param name="containers">Where they are.</param>
    internal ClientFinder(NetworkNamespace node, TimeProvider time, ContainerNames names, ContainerNetworks containers)
    {
        _node = node;
        _time = time;
        _names = names;
        _containers = containers;
    }

    /// <summary>Asks who the client of a flow is that begins; <see cref="Queue"/> or <see cref="Answer"/> comes next.</summary>
    /// <param name="protocol">The IP protocol number.</param>
    /// <param name="client">As the router sees it.</param>
    /// <param name="dialled">The router's end.</param>
    /// <param name="begun">When the flow began; null where that is not known.</param>
    /// <param name="isByService">Whether a Service has brought it; null where that is not known.</param>
    /// <returns>Null where there is nothing to be found.</returns>
    internal ClientInquiry? Ask(byte protocol, IPEndPoint client, IPEndPoint dialled, DateTimeOffset? begun, bool? isByService = null)
    {
        DateTimeOffset now = _time.GetUtcNow();
        TransportProtocol? transport = TransportProtocols.OfNumber(protocol);
        if (transport is not (TransportProtocol.TCP or TransportProtocol.UDP)
            || (transport == TransportProtocol.UDP && now - begun > UdpTime)
            || (_strangers.TryGetValue(client.Address, out long seen) && _time.GetElapsedTime(seen) < StrangerTime))
        {
            return null;
        }

        return new ClientInquiry(new ClientQuestion(this, now), protocol, ToSocketEndpoint(client), ToSocketEndpoint(dialled), isByService);
    }

    /// <summary>Has it answered on the finder's thread. Where there is no room, it is not known.</summary>
    internal void Queue(ClientInquiry inquiry)
    {
        lock (_lock)
        {
            if (!_isEnded && _questions.TryAdd(inquiry))
            {
                EnsureStarted();
                return;
            }
        }

        inquiry.Question.AnswerUnknown();
    }

    /// <summary>Answers it now.</summary>
    internal void Answer(ClientInquiry inquiry)
    {
        DateTimeOffset since = _time.GetUtcNow();
        lock (_finding)
        {
            InetSocket? socket = null;
            IPEndPoint? masqueraded = null;
            try
            {
                (socket, masqueraded) = Find(inquiry);
            }
            catch (LinuxException)
            {
                // No descriptor is left, or the kernel has no diagnostics: it cannot be told.
            }

            DateTimeOffset until = _time.GetUtcNow();
            inquiry.Question.Answer(socket is null ? null : IdentityOf(socket.Cgroup), masqueraded, since, until);
        }

        TellSettled();
    }

    /// <summary>
    /// Waits until a question is settled, for a moment at most. Where one that was waited for does not come, others are not waited for,
    /// for a second: nobody's thread stands still for it. For one thread.
    /// </summary>
    internal void Await(ClientQuestion question)
    {
        if (question.IsSettled || _isEnded || (_gaveUpAt is { } gaveUpAt && _time.GetElapsedTime(gaveUpAt) < Impatience))
        {
            return;
        }

        long begun = _time.GetTimestamp();
        lock (_settled)
        {
            while (!question.IsSettled)
            {
                TimeSpan rest = AnswerTime - _time.GetElapsedTime(begun);
                if (rest <= TimeSpan.Zero || !Monitor.Wait(_settled, rest))
                {
                    _gaveUpAt = _time.GetTimestamp();
                    return;
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isEnded = true;
            _questions.Close();
        }

        _thread?.Join();
        _names.Dispose();
        _sockets?.Dispose();
        _nodeFlows?.Dispose();
        _addresses?.Dispose();
        _services?.Flows.Dispose();
    }

    // Under the lock.
    private void EnsureStarted()
    {
        if (_thread is null)
        {
            _thread = new Thread(Run) { Name = "clients", IsBackground = true };
            _thread.Start();
        }
    }

    private void Run()
    {
        while (!_questions.IsOver && !_isEnded)
        {
            if (_questions.TryTake(out ClientInquiry? inquiry, UntilWalk()) && inquiry is not null)
            {
                Answer(inquiry);
            }

            if (UntilWalk() == TimeSpan.Zero)
            {
                Resolve();
            }
        }
    }

    private void TellSettled()
    {
        lock (_settled)
        {
            Monitor.PulseAll(_settled);
        }
    }

    private (InetSocket? Socket, IPEndPoint? Masqueraded) Find(ClientInquiry inquiry)
    {
        (byte protocol, IPEndPoint client, IPEndPoint dialled) = (inquiry.Protocol, inquiry.Client.ToIPEndPoint(), inquiry.Dialled.ToIPEndPoint());
        _addresses ??= new NodeAddresses(_node, _time);
        bool isOwn = _addresses.Contains(client.Address);
        if (inquiry.IsByService != false && OpenServices() is { } services)
        {
            (client, dialled) = BeforeTranslation(services, protocol, client, dialled);
        }

        if (!isOwn)
        {
            InetSocket? unmasked = FindInContainers(protocol, client, dialled, out bool isThere);
            if (!isThere)
            {
                NoteStranger(client.Address);
            }

            return (unmasked, null);
        }

        _nodeFlows ??= ConntrackTable.Open(_node);
        (IPEndPoint first, dialled) = BeforeTranslation(_nodeFlows, protocol, client, dialled);
        if (!_addresses.Contains(first.Address))
        {
            return (FindInContainers(protocol, first, dialled, out _), first);
        }

        _sockets ??= SocketTable.Open(_node);
        return (_sockets.Find(protocol, first, dialled), null);
    }

    // Of two containers with one address, both of which have such a socket, neither is told.
    private InetSocket? FindInContainers(byte protocol, IPEndPoint client, IPEndPoint dialled, out bool isThere)
    {
        isThere = false;
        List<InetSocket> found = [];
        foreach (NetworkNamespace netns in _containers.Having(client.Address))
        {
            isThere = true;
            using (netns)
            using (SocketTable sockets = SocketTable.Open(netns))
            {
                if (sockets.Find(protocol, client, dialled) is { } socket)
                {
                    found.Add(socket);
                }
            }
        }

        return found is [var only] ? only : null;
    }

    // As the packets came into a namespace that may have translated them.
    private static (IPEndPoint Client, IPEndPoint Dialled) BeforeTranslation(ConntrackTable flows, byte protocol, IPEndPoint client, IPEndPoint dialled)
    {
        var reply = new ConntrackTuple(protocol, dialled.Address, client.Address) { SourcePort = (ushort)dialled.Port, DestinationPort = (ushort)client.Port };
        return flows.FindAnswered(reply)?.Original is { SourcePort: { } from, DestinationPort: { } to } original
            ? (new IPEndPoint(original.Source, from), new IPEndPoint(original.Destination, to))
            : (client, dialled);
    }

    private ConntrackTable? OpenServices()
    {
        if (NetworkNamespace.TryGetId(ServiceNames.Netns) is not { } id)
        {
            return null;
        }

        if (_services?.Id != id)
        {
            _services?.Flows.Dispose();
            _services = null;
            using NetworkNamespace? netns = NetworkNamespace.TryOpen(ServiceNames.Netns);
            _services = netns is null ? null : (netns.Id, ConntrackTable.Open(netns));
        }

        return _services?.Flows;
    }

    private void NoteStranger(IPAddress address)
    {
        if (_strangers.Count >= MaxStrangers)
        {
            _strangers.Clear();
        }

        _strangers[address] = _time.GetTimestamp();
    }

    private ClientIdentity IdentityOf(ulong cgroup)
    {
        if (_identities.TryGetValue(cgroup, out ClientIdentity? known))
        {
            return known;
        }

        if (_identities.Count >= MaxIdentities)
        {
            ResolveNow();
            _identities.Clear();
        }

        var identity = new ClientIdentity(_names);
        _identities.Add(cgroup, identity);
        if (_cgroups.Value?.Find(cgroup) is { } path)
        {
            identity.Resolve(CgroupPath.Parse(path));
        }
        else
        {
            _unresolved.Add(cgroup, identity);
            WakeForWalk();
        }

        return identity;
    }

    // Who answers may be another thread than the one that walks.
    private void WakeForWalk()
    {
        lock (_lock)
        {
            if (!_isEnded)
            {
                _questions.TryAdd(null);
                EnsureStarted();
            }
        }
    }

    // Infinite while nobody waits for one.
    private TimeSpan UntilWalk()
    {
        lock (_finding)
        {
            TimeSpan rest = (_walkTime * WalkPause) - _time.GetElapsedTime(_walkedAt);
            return _unresolved.Count == 0 ? Timeout.InfiniteTimeSpan : rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
        }
    }

    private void Resolve()
    {
        lock (_finding)
        {
            ResolveNow();
        }

        TellSettled();
    }

    // A group that is not found has gone.
    private void ResolveNow()
    {
        long begun = _time.GetTimestamp();
        _cgroups.Value?.Walk();
        _walkedAt = _time.GetTimestamp();
        _walkTime = _time.GetElapsedTime(begun);
        foreach ((ulong cgroup, ClientIdentity identity) in _unresolved)
        {
            identity.Resolve(_cgroups.Value?.Find(cgroup) is { } path ? CgroupPath.Parse(path) : null);
        }

        _unresolved.Clear();
    }

    private static SocketEndpoint ToSocketEndpoint(IPEndPoint endpoint) => new(endpoint.Address, (ushort)endpoint.Port);
}
