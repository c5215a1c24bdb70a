using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Bpf;

/// <summary>
/// Decides by BPF (sk_lookup) which socket of a network namespace takes which port of local addresses, one of each family: so one listener serves
/// any number of ports, or every port, and a change is the change of a map entry. It holds from <see cref="Attach"/> until the
/// last copy of <see cref="Link"/> is closed: the kernel keeps nothing beyond the descriptors. Thread-safe, since every change is one
/// system call.
/// </summary>
public sealed class PortSteering : IDisposable
{
    private const int PortCapacity = 4 * 65536;
    private const int ClientCapacity = 65536;
    private const uint NoPreallocation = 1;
    private const string CurrentNetworkNamespace = "/proc/thread-self/ns/net";

    private readonly List<FileHandle> _owned = [];
    private readonly BpfMapHandle _clients;
    private readonly BpfMapHandle _ports;
    private readonly BpfMapHandle _sockets;
    private readonly BpfMapHandle _refusals;
    private readonly FileHandle _program;
    private readonly FileHandle _networkNamespace;
    private FileHandle? _link;

    private PortSteering(SocketEndpoint? insideIPv4, SocketEndpoint? insideIPv6)
    {
        try
        {
            // Longest-prefix maps take memory for the entries that they have; a hash would for those that it could have.
            _clients = Own(BpfMapHandle.Create(BpfMapType.LpmTrie, sizeof(uint) + 16, sizeof(uint), ClientCapacity, NoPreallocation));
            _ports = Own(BpfMapHandle.Create(BpfMapType.LpmTrie, 2 * sizeof(uint), sizeof(uint), PortCapacity, NoPreallocation));
            _sockets = Own(BpfMapHandle.Create(BpfMapType.SocketMap, sizeof(uint), sizeof(ulong), 4));
            _refusals = Own(BpfMapHandle.Create(BpfMapType.Array, sizeof(uint), sizeof(ulong), 1));
            _program = Own(SkLookupProgram.Load(SteeringProgram.Assemble(insideIPv4, insideIPv6, _clients, _ports, _sockets, _refusals)));
            _networkNamespace = Own(new FileHandle(LibC.open(CurrentNetworkNamespace, LibC.O_RDONLY | LibC.O_CLOEXEC, 0)));
            if (_networkNamespace.IsInvalid)
            {
                throw new LinuxException("open", CurrentNetworkNamespace, Errno.Last);
            }
        }
        catch (LinuxException)
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What keeps it in force, with the entries that it has then. It stays owned by this object.</summary>
    public FileHandle Link => _link ?? throw new InvalidOperationException("it is not attached");

    /// <summary>Loads it for the network namespace of the calling thread, which it keeps alive.</summary>
    /// <param name="insideIPv4">The local IPv4 address; its port is ignored.</param>
    /// <param name="insideIPv6">The local IPv6 address; its port is ignored.</param>
    /// <param name="unavailable">Why the kernel cannot do it, in its own words.</param>
    public static PortSteering? TryLoad(SocketEndpoint? insideIPv4, SocketEndpoint? insideIPv6, out LinuxException? unavailable)
    {
        try
        {
            unavailable = null;
            return new PortSteering(insideIPv4, insideIPv6);
        }
        catch (LinuxException exception)
        {
            unavailable = exception;
            return null;
        }
    }

    /// <summary>
    /// Puts it in force. From then on what has no entry is refused, except for what another one that is attached there gives to a socket.
    /// What another one leaves to whatever socket is bound is refused too, so it should have its entries by then.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Attach() => _link = Own(SkLookupProgram.Attach(_program, _networkNamespace));

    /// <summary>Sets the socket of a family and transport: a TCP listener or a bound UDP socket. The key's port is ignored.</summary>
    public void SetSocket(SteeringKey key, int socket) => _sockets.Set(Bytes(key.Slot), Bytes((ulong)socket));

    /// <summary>The port goes to the socket of its family and transport.</summary>
    public void Steer(SteeringKey key) => _ports.Set(key.ToPrefix(), Bytes(key.Slot));

    /// <summary>The port goes to whatever socket is bound to it.</summary>
    public void LeaveToOwnSocket(SteeringKey key) => _ports.Set(key.ToPrefix(), Bytes(SteeringProgram.OwnSocket));

    /// <summary>The port loses its entry: it goes where all ports go, or is refused.</summary>
    public void Remove(SteeringKey key) => _ports.Remove(key.ToPrefix());

    /// <summary>How often something was refused for a port that has no entry.</summary>
    public ulong ReadRefusals()
    {
        ulong count = 0;
        _refusals.Get(Bytes(0u), MemoryMarshal.AsBytes(new Span<ulong>(ref count)));
        return count;
    }

    /// <summary>Clients in the network are served; others are refused.</summary>
    public void Admit(IPNetwork clients) => _clients.Set(ClientKey(clients), Bytes(1u));

    public void StopAdmitting(IPNetwork clients) => _clients.Remove(ClientKey(clients));

    public void Dispose()
    {
        for (int index = _owned.Count - 1; index >= 0; index--)
        {
            _owned[index].Dispose();
        }
    }

    private T Own<T>(T handle)
        where T : FileHandle
    {
        _owned.Add(handle);
        return handle;
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();

    private static byte[] ClientKey(IPNetwork network)
    {
        byte[] key = new byte[sizeof(uint) + 16];
        bool mapped = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        uint length = (uint)network.PrefixLength + (mapped ? 96u : 0u);
        MemoryMarshal.Write(key, length);
        new SocketEndpoint(network.BaseAddress, 0).WriteMappedAddress(key.AsSpan(sizeof(uint)));
        return key;
    }
}
