using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>One face at a path: survives reconnects, is attached to at most one native connection. Bus thread only.</summary>
internal sealed unsafe class BusRegistration : IDisposable
{
    private readonly BusConnection _connection;
    private readonly BusFace _face;
    private readonly GCHandle _self;
    private readonly BusMemberData* _data;
    private nint _slot;

    internal BusRegistration(BusConnection connection, BusFace face)
    {
        _connection = connection;
        _face = face;
        _self = GCHandle.Alloc(this);
        _data = BusMemberData.Allocate(_self, face.Interface.MemberCount);
    }

    internal BusInterface Interface => _face.Interface;

    internal void Attach(nint bus, string path) => LibSystemd.Check(
        LibSystemd.sd_bus_add_object_vtable(bus, out _slot, path, Interface.Name, Interface.Vtable, (nint)_data),
        "register D-Bus interface",
        $"{Interface.Name} at {path}");

    internal void Detach() => _slot = LibSystemd.sd_bus_slot_unref(_slot);

    public void Dispose()
    {
        Detach();
        _self.Free();
        NativeMemory.Free(_data);
    }

    internal int HandleCall(int member, nint message, SdBusError* error)
    {
        BusMethodCall? call = null;
        try
        {
            call = new BusMethodCall(_connection, message);
            Interface.Invoke(_face.Context, member, call);
            call.Send();
            return 1;
        }
        catch (Exception failure)
        {
            return Fail(member, failure, error);
        }
        finally
        {
            call?.Release();
        }
    }

    internal int HandleGet(int member, nint reply, SdBusError* error)
    {
        try
        {
            Interface.Get(_face.Context, member, new BusMessageWriter(reply));
            return 1;
        }
        catch (Exception failure)
        {
            return Fail(member, failure, error);
        }
    }

    private int Fail(int member, Exception failure, SdBusError* error)
    {
        BusException reply = _connection.ToReply(failure, $"{Interface.Name}.{Interface.Member(member).Name}");
        return LibSystemd.sd_bus_error_set(error, reply.Name, reply.Message);
    }
}
