using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// What sd-bus hands to a callback. Each face has a native array of these, one a member: sd-bus adds the member's offset
/// to the array's address, and so the callback learns the object and the member without looking up a name.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BusMemberData
{
    private nint _registration;
    private int _member;

    internal static nuint OffsetOf(int member) => (nuint)(member * sizeof(BusMemberData));

    internal static BusMemberData* Allocate(GCHandle registration, int members)
    {
        var data = (BusMemberData*)NativeMemory.Alloc((nuint)members, (nuint)sizeof(BusMemberData));
        for (int i = 0; i < members; i++)
        {
            data[i] = new BusMemberData { _registration = GCHandle.ToIntPtr(registration), _member = i };
        }

        return data;
    }

    internal static BusRegistration Resolve(nint userdata, out int member)
    {
        var data = (BusMemberData*)userdata;
        member = data->_member;
        return (BusRegistration)GCHandle.FromIntPtr(data->_registration).Target!;
    }
}
