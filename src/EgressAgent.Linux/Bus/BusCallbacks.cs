using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>Where sd-bus calls in. No exception leaves these functions.</summary>
internal static unsafe class BusCallbacks
{
    // typedef int (*sd_bus_message_handler_t)(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnMethodCall(nint message, nint userdata, SdBusError* error) =>
        BusMemberData.Resolve(userdata, out int member).HandleCall(member, message, error);

    // typedef int (*sd_bus_property_get_t)(sd_bus *bus, const char *path, const char *interface, const char *property,
    //                                      sd_bus_message *reply, void *userdata, sd_bus_error *ret_error);
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnPropertyGet(
        nint bus, byte* path, byte* @interface, byte* property, nint reply, nint userdata, SdBusError* error) =>
        BusMemberData.Resolve(userdata, out int member).HandleGet(member, reply, error);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnNameReply(nint message, nint userdata, SdBusError* error)
    {
        ((BusLink)GCHandle.FromIntPtr(userdata).Target!).HandleNameReply(message);
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnSignal(nint message, nint userdata, SdBusError* error)
    {
        ((BusSubscription)GCHandle.FromIntPtr(userdata).Target!).Enqueue(message);

        // 0 lets other subscriptions see the signal too.
        return 0;
    }
}
