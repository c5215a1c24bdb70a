using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

internal sealed unsafe class BusProperty<T>(string name, string signature, BusPropertyChange change, BusPropertyGetter<T> getter)
    : BusMember(name)
{
    internal BusPropertyGetter<T> Getter { get; } = getter;

    internal override void Describe(ref SdBusVtable entry, nuint offset)
    {
        ulong flags = change switch
        {
            BusPropertyChange.Emits => SdBusVtable.SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE,
            BusPropertyChange.Invalidates => SdBusVtable.SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION,
            BusPropertyChange.Constant => SdBusVtable.SD_BUS_VTABLE_PROPERTY_CONST,
            _ => 0,
        };
        entry.type_flags = SdBusVtable.TypeAndFlags(SdBusVtable._SD_BUS_VTABLE_PROPERTY, flags);
        entry.property_member = NativeName;
        entry.property_signature = ToNative(signature);
        entry.property_get = &BusCallbacks.OnPropertyGet;
        entry.property_offset = offset;
    }
}
