using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// A method call that is being answered. Usable inside its handler only; when the handler returns, what it wrote to
/// <see cref="Reply"/> is sent, unless it called <see cref="Defer"/>.
/// </summary>
public sealed unsafe class BusMethodCall
{
    private const ulong SD_BUS_CREDS_EUID = 1UL << 4;

    private readonly BusConnection _connection;
    private readonly nint _call;
    private nint _reply;
    private bool _finished;

    internal BusMethodCall(BusConnection connection, nint call)
    {
        _connection = connection;
        _call = call;
        LibSystemd.Check(LibSystemd.sd_bus_message_new_method_return(call, out _reply), "make D-Bus reply", "");
    }

    /// <summary>The arguments. Their types are those that the method declares: sd-bus has turned away any others.</summary>
    public BusMessageReader Arguments => new(Live(_call));

    /// <summary>The body of the reply. What is written must have the declared types.</summary>
    public BusMessageWriter Reply => new(Live(_reply));

    /// <summary>The caller's unique name on the bus: <c>:1.42</c>.</summary>
    public string Sender => Utf8StringMarshaller.ConvertToManaged(LibSystemd.sd_bus_message_get_sender(Live(_call))) ?? "";

    /// <summary>The caller's effective user id, as the bus knows it. Costs a round trip to the bus daemon.</summary>
    /// <exception cref="LinuxException">The bus does not say, because the caller has left, for one.</exception>
    public uint GetCallerUid()
    {
        LibSystemd.Check(
            LibSystemd.sd_bus_query_sender_creds(Live(_call), SD_BUS_CREDS_EUID, out nint credentials), "ask the bus about", Sender);
        int found = LibSystemd.sd_bus_creds_get_euid(credentials, out uint uid);
        LibSystemd.sd_bus_creds_unref(credentials);
        LibSystemd.Check(found, "find the user of", Sender);
        return uid;
    }

    /// <summary>Leaves the answer to somebody else: nothing is sent when the handler returns.</summary>
    /// <exception cref="BusException">
    /// <see cref="BusErrorNames.LimitsExceeded"/>: <see cref="BusConnection.MaxDeferredReplies"/> calls wait already.
    /// </exception>
    public BusDeferredReply Defer()
    {
        BusDeferredReply deferred = _connection.Defer(_call, Live(_reply));
        _reply = 0;
        return deferred;
    }

    internal void Send()
    {
        if (_reply != 0)
        {
            LibSystemd.Check(LibSystemd.sd_bus_message_send(_reply), "send D-Bus reply", "");
        }
    }

    internal void Release()
    {
        _finished = true;
        _reply = LibSystemd.sd_bus_message_unref(_reply);
    }

    private nint Live(nint message)
    {
        ObjectDisposedException.ThrowIf(_finished || message == 0, this);
        return message;
    }
}
