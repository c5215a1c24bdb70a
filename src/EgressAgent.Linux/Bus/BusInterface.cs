using System.Collections.Frozen;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// A declared D-Bus interface: its members, compiled once into sd-bus' native table. The table lives as long as the process, so a
/// declaration belongs into a static field.
/// </summary>
/// <seealso cref="BusInterface{T}"/>
public abstract unsafe class BusInterface
{
    private readonly BusMember[] _members;
    private readonly FrozenDictionary<string, BusMember> _byName;

    private protected BusInterface(string name, IEnumerable<BusMember> members)
    {
        Name = name;
        _members = [.. members];
        _byName = _members.ToFrozenDictionary(member => member.Name);
        Vtable = Compile(_members);
        Verify();
    }

    /// <summary>The interface's name: <c>org.example.Thing1</c>.</summary>
    public string Name { get; }

    internal SdBusVtable* Vtable { get; }

    internal int MemberCount => _members.Length;

    internal BusMember Member(int index) => _members[index];

    /// <exception cref="ArgumentException">The interface declares no such member.</exception>
    internal BusMember Member(string name) => _byName.TryGetValue(name, out BusMember? member)
        ? member
        : throw new ArgumentException($"{Name} declares no member '{name}'.", nameof(name));

    internal abstract void Invoke(object context, int member, BusMethodCall call);

    internal abstract void Get(object context, int member, BusMessageWriter value);

    // Zeroed memory, because sd-bus requires the unused parts of its unions to be zero.
    private static SdBusVtable* Compile(BusMember[] members)
    {
        var table = (SdBusVtable*)NativeMemory.AllocZeroed((nuint)(members.Length + 2), (nuint)sizeof(SdBusVtable));
        table[0].type_flags = SdBusVtable.TypeAndFlags(SdBusVtable._SD_BUS_VTABLE_START, 0);
        table[0].start_element_size = (nuint)sizeof(SdBusVtable);
        table[0].start_features = SdBusVtable._SD_BUS_VTABLE_PARAM_NAMES;
        table[0].start_vtable_format_reference = LibSystemd.sd_bus_object_vtable_format;
        for (int i = 0; i < members.Length; i++)
        {
            members[i].Describe(ref table[i + 1], BusMemberData.OffsetOf(i));
        }

        table[members.Length + 1].type_flags = SdBusVtable.TypeAndFlags(SdBusVtable._SD_BUS_VTABLE_END, 0);
        return table;
    }

    // libsystemd checks a table when it is registered, for which a bus object need not be connected. A fault in a declaration thus
    // shows when the program starts, and not as a connection that never comes up.
    private void Verify()
    {
        LibSystemd.Check(LibSystemd.sd_bus_new(out nint bus), "make D-Bus connection", "");
        int result = LibSystemd.sd_bus_add_object_vtable(bus, out nint slot, "/", Name, Vtable, 0);
        LibSystemd.sd_bus_slot_unref(slot);
        LibSystemd.sd_bus_close_unref(bus);
        if (result < 0)
        {
            throw new ArgumentException($"libsystemd rejects the declaration of {Name}: a signature, an argument name or a type is wrong.");
        }
    }
}
