using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

internal sealed unsafe class BusMethod<T>(
    string name,
    BusArgument[] arguments,
    BusArgument[] results,
    BusAccess access,
    BusMethodHandler<T> handler)
    : BusMember(name)
{
    internal BusMethodHandler<T> Handler { get; } = handler;

    internal override void Describe(ref SdBusVtable entry, nuint offset)
    {
        // sd-bus itself turns away unprivileged callers of a method that lacks this flag.
        ulong flags = access == BusAccess.Everyone ? SdBusVtable.SD_BUS_VTABLE_UNPRIVILEGED : 0;
        entry.type_flags = SdBusVtable.TypeAndFlags(SdBusVtable._SD_BUS_VTABLE_METHOD, flags);
        entry.method_member = NativeName;
        entry.method_signature = ToNative(SignatureOf(arguments));
        entry.method_result = ToNative(SignatureOf(results));
        entry.method_handler = &BusCallbacks.OnMethodCall;
        entry.method_offset = offset;
        entry.method_names = NamesOf([.. arguments, .. results]);
    }
}
