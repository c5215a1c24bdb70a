using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Tests.Bus;

public sealed unsafe class SdBusVtableTests
{
    [Fact]
    public void Vtable_layout_isThatOfTheHeader()
    {
        var entry = default(SdBusVtable);
        nint Offset<T>(ref T field) => Unsafe.ByteOffset(ref Unsafe.As<SdBusVtable, byte>(ref entry), ref Unsafe.As<T, byte>(ref field));

        Assert.Equal(56, sizeof(SdBusVtable));
        Assert.Equal(0, Offset(ref entry.type_flags));
        Assert.Equal(8, Offset(ref entry.start_element_size));
        Assert.Equal(16, Offset(ref entry.start_features));
        Assert.Equal(24, Offset(ref entry.start_vtable_format_reference));
        Assert.Equal(8, Offset(ref entry.method_member));
        Assert.Equal(16, Offset(ref entry.method_signature));
        Assert.Equal(24, Offset(ref entry.method_result));
        Assert.Equal(40, Offset(ref entry.method_offset));
        Assert.Equal(48, Offset(ref entry.method_names));
        Assert.Equal(8, Offset(ref entry.signal_member));
        Assert.Equal(16, Offset(ref entry.signal_signature));
        Assert.Equal(24, Offset(ref entry.signal_names));
        Assert.Equal(8, Offset(ref entry.property_member));
        Assert.Equal(16, Offset(ref entry.property_signature));
        Assert.Equal(40, Offset(ref entry.property_offset));
    }

    [Fact]
    public void TypeAndFlags_typeIsTheLowByte() => Assert.Equal(0x0457UL, SdBusVtable.TypeAndFlags((byte)'W', 4));

    [Fact]
    public void Compile_interface_isFramedAndTyped()
    {
        SdBusVtable* table = SampleObject.Interface.Vtable;
        string types = "";
        for (SdBusVtable* entry = table; ; entry++)
        {
            types += (char)(byte)entry->type_flags;
            if ((byte)entry->type_flags == SdBusVtable._SD_BUS_VTABLE_END)
            {
                break;
            }
        }

        Assert.Equal("<MMMMMMMMMMMMPPPPPS>", types);
        Assert.Equal(56u, table->start_element_size);
        Assert.Equal(SdBusVtable._SD_BUS_VTABLE_PARAM_NAMES, table->start_features);
    }

    [Fact]
    public void Compile_method_carriesSignaturesNamesAndItsOwnOffset()
    {
        SdBusVtable sum = SampleObject.Interface.Vtable[3];

        Assert.Equal("Sum", Marshal.PtrToStringUTF8(sum.method_member));
        Assert.Equal("at", Marshal.PtrToStringUTF8(sum.method_signature));
        Assert.Equal("tu", Marshal.PtrToStringUTF8(sum.method_result));
        Assert.Equal("numbers\0sum\0count\0", Marshal.PtrToStringUTF8(sum.method_names, "numbers\0sum\0count\0".Length));
        Assert.Equal((byte)'M' | (SdBusVtable.SD_BUS_VTABLE_UNPRIVILEGED << 8), sum.type_flags);
        Assert.Equal((nuint)32, sum.method_offset);
    }
}
