using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

internal sealed class BusSignal(string name, BusArgument[] arguments) : BusMember(name)
{
    internal string Signature { get; } = SignatureOf(arguments);

    internal override void Describe(ref SdBusVtable entry, nuint offset)
    {
        entry.type_flags = SdBusVtable.TypeAndFlags(SdBusVtable._SD_BUS_VTABLE_SIGNAL, 0);
        entry.signal_member = NativeName;
        entry.signal_signature = ToNative(Signature);
        entry.signal_names = NamesOf(arguments);
    }
}
