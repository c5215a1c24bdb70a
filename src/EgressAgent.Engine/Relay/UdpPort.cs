using System.Diagnostics.CodeAnalysis;
using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One port of an inside address: takes the clients' datagrams and sends the replies, which so come from the address and port
/// that the client dialled. Belongs to one loop.
/// </summary>
internal sealed class UdpPort : LoopSource
{
    // A burst of large datagrams should not overrun it, nor those that come while the agent hangs or is restarted.
    private const int ReceiveBuffer = 8 << 20;

    private readonly HashSet<UdpAssociation> _associations = new(ByClient.Instance);
    private readonly HashSet<UdpAssociation>.AlternateLookup<SocketEndpoint> _byClient;
    private readonly UdpCatchAll? _owner;
    private readonly FileHandle _handle;
    private bool _isTaking;

    /// <param name="shard">Where it lives.</param>
    /// <param name="local">The inside address and the port.</param>
    /// <param name="handle">From <see cref="OpenSocket"/>.</param>
    /// <param name="owner">Who is told when the last association ends; null for a rule's port, which stays.</param>
    internal UdpPort(RelayShard shard, SocketEndpoint local, FileHandle handle, UdpCatchAll? owner)
    {
        Shard = shard;
        Local = local;
        _handle = handle;
        _owner = owner;
        _byClient = _associations.GetAlternateLookup<SocketEndpoint>();
    }

    internal RelayShard Shard { get; }

    internal SocketEndpoint Local { get; }

    internal int Socket => _handle.Descriptor;

    /// <summary>Whether datagrams come and go in bursts.</summary>
    internal bool IsCoalescing { get; private set; }

    /// <summary>A bound UDP socket. The caller is in the router's network namespace.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    internal static FileHandle OpenSocket(in SocketEndpoint local, bool withDestination)
    {
        IoResult opened = NativeSocket.OpenUdp(local);
        if (opened.IsError)
        {
            throw new LinuxException("open UDP socket", "", opened.Errno);
        }

        var handle = new FileHandle(opened.Value);
        int socket = opened.Value;
        Errno errno = NativeSocket.SetFreeBind(socket, local);
        errno = errno.IsSuccess && withDestination ? NativeSocket.SetReceiveOriginalDestination(socket, local) : errno;
        errno = errno.IsSuccess ? NativeSocket.SetReceiveBuffer(socket, ReceiveBuffer) : errno;
        errno = errno.IsSuccess ? NativeSocket.Bind(socket, local) : errno;
        if (!errno.IsSuccess)
        {
            handle.Dispose();
            throw new LinuxException("bind to", $"udp {local}", errno);
        }

        return handle;
    }

    /// <exception cref="LinuxException">No memory is left, or no room under fs.epoll.max_user_watches; it has stopped.</exception>
    internal void Start()
    {
        IsCoalescing = Shard.Relay.Options.UsesSegmentation && NativeSocket.SetReceiveCoalesced(Socket).IsSuccess;
        Shard.Loop.Register(this);
        Errno errno = Shard.Loop.Watch(this, 0, Socket, EpollEvents.In);
        if (!errno.IsSuccess)
        {
            Stop();
            throw new LinuxException("watch", $"udp {Local}", errno);
        }
    }

    internal void Stop()
    {
        foreach (UdpAssociation association in _associations.ToList())
        {
            association.Cut();
        }

        // It may live on in another process, and epoll would go on reporting it.
        Shard.Loop.StopWatching(Socket);
        Shard.Loop.Unregister(this);
        _handle.Dispose();
    }

    // Level-triggered: a batch a turn.
    internal override void OnEvents(EpollEvents events, int side)
    {
        DatagramBatch batch = Shard.Loop.Datagrams;
        IoResult received = batch.Receive(Socket);
        if (!received.IsError)
        {
            Take(batch, 0, received.Value);
        }
    }

    /// <summary>Sends datagrams that clients sent to this port on to their destinations.</summary>
    internal void Take(DatagramBatch batch, int first, int count)
    {
        int end = first + count;
        _isTaking = true;
        while (first < end)
        {
            SocketEndpoint client = batch.Peer(first);
            int next = first + 1;
            while (next < end && batch.Peer(next) == client)
            {
                next++;
            }

            if (_byClient.TryGetValue(client, out UdpAssociation? association) || TryAssociate(client, out association))
            {
                association.ToServer(batch, first, next - first);
            }

            first = next;
        }

        _isTaking = false;
        ReportIfUnused();
    }

    internal void Remove(UdpAssociation association)
    {
        _associations.Remove(association);
        ReportIfUnused();
    }

    // Not while datagrams are being taken, when the last association may only give way to the next.
    private void ReportIfUnused()
    {
        if (_associations.Count == 0 && !_isTaking)
        {
            _owner?.Release(Local.Port);
        }
    }

    private bool TryAssociate(SocketEndpoint client, [NotNullWhen(true)] out UdpAssociation? association)
    {
        association = null;
        RedirectionTable table = Shard.Relay.Table;
        Redirection? redirection = table.Find(TransportProtocol.UDP, Local);
        if (redirection is null || !table.Admits(client) || Shard.Refuses(client, Local) || !Shard.TryReserveAssociation())
        {
            return false;
        }

        association = UdpAssociation.TryOpen(this, redirection, client);
        if (association is null)
        {
            Shard.Relay.OnAssociationEnded();
            return false;
        }

        redirection.CountersOf(Shard.Loop).Connections++;
        _associations.Add(association);
        return true;
    }

    // A dictionary would have each client's end once more.
    private sealed class ByClient : IEqualityComparer<UdpAssociation>, IAlternateEqualityComparer<SocketEndpoint, UdpAssociation>
    {
        internal static readonly ByClient Instance = new();

        public bool Equals(UdpAssociation? one, UdpAssociation? other) => ReferenceEquals(one, other) || one?.Client == other?.Client;

        public int GetHashCode(UdpAssociation association) => association.Client.GetHashCode();

        public bool Equals(SocketEndpoint client, UdpAssociation association) => client == association.Client;

        public int GetHashCode(SocketEndpoint client) => client.GetHashCode();

        public UdpAssociation Create(SocketEndpoint client) => throw new NotSupportedException();
    }
}
