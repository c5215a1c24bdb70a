using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// The pending answer to a call whose handler has returned. Exactly one of <see cref="Complete"/> and <see cref="Fail"/> has to be
/// called, once, from any thread; until then the caller waits. A caller that has left by then, or a lost connection, does no harm.
/// </summary>
public sealed unsafe class BusDeferredReply
{
    private readonly BusConnection _connection;
    private readonly nint _bus;
    private readonly nint _call;
    private readonly nint _reply;
    private int _answered;

    // Owns one reference to both messages, which keep the bus object alive.
    internal BusDeferredReply(BusConnection connection, nint bus, nint call, nint reply)
    {
        _connection = connection;
        _bus = bus;
        _call = call;
        _reply = reply;
    }

    /// <summary>Answers. The body is written on the bus thread, soon; what it throws becomes the error reply.</summary>
    /// <exception cref="InvalidOperationException">It is answered already.</exception>
    public void Complete(BusMessageBuilder write) => Answer(() =>
    {
        write(new BusMessageWriter(_reply));
        LibSystemd.Check(LibSystemd.sd_bus_message_send(_reply), "send D-Bus reply", "");
    });

    /// <summary>Answers with an error, by the rules for exceptions of a <see cref="BusMethodHandler{T}"/>.</summary>
    /// <exception cref="InvalidOperationException">It is answered already.</exception>
    public void Fail(Exception failure) => Answer(() => SendError(failure));

    private void Answer(Action send)
    {
        if (Interlocked.Exchange(ref _answered, 1) != 0)
        {
            throw new InvalidOperationException("The call is answered already.");
        }

        _connection.Thread.Post(this, connection => Finish(connection, send));
    }

    private void Finish(BusConnection connection, Action send)
    {
        try
        {
            // Whoever called over an earlier connection has had an error from the bus.
            if (connection.Bus == _bus)
            {
                send();
            }
        }
        catch (Exception failure)
        {
            SendError(failure);
        }
        finally
        {
            LibSystemd.sd_bus_message_unref(_reply);
            LibSystemd.sd_bus_message_unref(_call);
            connection.DeferredReplies--;
        }
    }

    private void SendError(Exception failure)
    {
        string member = Utf8StringMarshaller.ConvertToManaged(LibSystemd.sd_bus_message_get_member(_call)) ?? "";
        BusException reply = _connection.ToReply(failure, member);
        SdBusError error = default;
        _ = LibSystemd.sd_bus_error_set(&error, reply.Name, reply.Message);
        _ = LibSystemd.sd_bus_reply_method_error(_call, &error);
        LibSystemd.sd_bus_error_free(&error);
    }
}
