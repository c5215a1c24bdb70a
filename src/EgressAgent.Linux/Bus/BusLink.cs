using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// One native connection from its opening to its loss, and the name on it. Nothing here blocks on the peer: the handshake and
/// the request for the name go on while the connection is processed. Bus thread only.
/// </summary>
internal sealed unsafe class BusLink : IDisposable
{
    // A peer's credentials are asked of the bus daemon with a blocking call; this bounds it.
    private const ulong CallTimeoutMicroseconds = 5_000_000;

    // RequestName's answers by the D-Bus specification.
    private const uint PrimaryOwner = 1;
    private const uint AlreadyOwner = 4;

    private const int MessagesATurn = 64;

    private readonly string _name;
    private GCHandle _self;
    private nint _bus;
    private string? _refusal;

    private BusLink(string name) => _name = name;

    internal bool OwnsName { get; private set; }

    internal string UniqueName => LibSystemd.sd_bus_get_unique_name(_bus, out byte* name) >= 0
        ? Utf8StringMarshaller.ConvertToManaged(name) ?? ""
        : "";

    /// <summary>Connects, registers what the connection has and requests the name.</summary>
    /// <exception cref="LinuxException">There is no bus at the address, or something could not be registered.</exception>
    internal static BusLink Open(BusOptions options, BusConnection connection)
    {
        var link = new BusLink(options.Name);
        try
        {
            link._bus = OpenNative(options.Address, options.ThreadName);
            LibSystemd.Check(
                LibSystemd.sd_bus_set_method_call_timeout(link._bus, CallTimeoutMicroseconds), "set D-Bus timeout", options.Address);
            connection.Attach(link._bus);
            link._self = GCHandle.Alloc(link);
            LibSystemd.Check(
                LibSystemd.sd_bus_request_name_async(
                    link._bus, null, options.Name, 0, &BusCallbacks.OnNameReply, GCHandle.ToIntPtr(link._self)),
                "request D-Bus name",
                options.Name);
            return link;
        }
        catch
        {
            connection.Detach();
            link.Dispose();
            throw;
        }
    }

    /// <summary>Makes a started connection to a message bus; the caller closes it.</summary>
    /// <exception cref="LinuxException">There is no bus at the address.</exception>
    internal static nint OpenNative(string address, string description)
    {
        LibSystemd.Check(LibSystemd.sd_bus_new(out nint bus), "make D-Bus connection", "");
        int result = LibSystemd.sd_bus_set_address(bus, address);
        if (result >= 0)
        {
            result = LibSystemd.sd_bus_set_description(bus, description);
        }

        if (result >= 0)
        {
            result = LibSystemd.sd_bus_set_bus_client(bus, 1);
        }

        if (result >= 0)
        {
            result = LibSystemd.sd_bus_start(bus);
        }

        if (result < 0)
        {
            LibSystemd.sd_bus_close_unref(bus);
        }

        LibSystemd.Check(result, "connect to D-Bus", address);
        return bus;
    }

    /// <summary>Handles what has arrived, up to a fair share; true where more may be waiting.</summary>
    /// <exception cref="LinuxException">The connection is lost, or the name was refused.</exception>
    internal bool Process()
    {
        for (int i = 0; i < MessagesATurn; i++)
        {
            int result = LibSystemd.Check(LibSystemd.sd_bus_process(_bus, null), "read from D-Bus", "");
            if (_refusal is not null)
            {
                throw new LinuxException("request D-Bus name", _name, Errno.Success, _refusal);
            }

            if (result == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What to poll for, and until when (microseconds of CLOCK_MONOTONIC, <see cref="ulong.MaxValue"/> for ever).</summary>
    internal (PollFd Descriptor, ulong Deadline) GetWait()
    {
        int descriptor = LibSystemd.Check(LibSystemd.sd_bus_get_fd(_bus), "poll D-Bus", "");
        int events = LibSystemd.Check(LibSystemd.sd_bus_get_events(_bus), "poll D-Bus", "");
        LibSystemd.Check(LibSystemd.sd_bus_get_timeout(_bus, out ulong deadline), "poll D-Bus", "");
        return (new PollFd { fd = descriptor, events = (short)events }, deadline);
    }

    /// <summary>Whether the peer is slower than we are: what is sent now piles up in memory.</summary>
    internal bool IsCongested => LibSystemd.sd_bus_get_events(_bus) is > 0 and int events && (events & LibC.POLLOUT) != 0;

    internal void HandleNameReply(nint message)
    {
        SdBusError* error = LibSystemd.sd_bus_message_get_error(message);
        if (error is not null)
        {
            _refusal = Utf8StringMarshaller.ConvertToManaged(error->message) ?? Utf8StringMarshaller.ConvertToManaged(error->name);
            return;
        }

        OwnsName = new BusMessageReader(message).ReadUInt32() is PrimaryOwner or AlreadyOwner;
        _refusal = OwnsName ? null : "another process owns it";
    }

    public void Dispose()
    {
        _bus = LibSystemd.sd_bus_close_unref(_bus);
        if (_self.IsAllocated)
        {
            _self.Free();
        }
    }
}
