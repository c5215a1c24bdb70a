using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary>
/// <c>struct sd_bus_vtable</c> of sd-bus-vtable.h for 64-bit machines: a type in the low byte and flags in the seven above it, then
/// a union whose members overlap as they do in C. Unused parts must be zero.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
internal unsafe struct SdBusVtable
{
    internal const byte _SD_BUS_VTABLE_START = (byte)'<';
    internal const byte _SD_BUS_VTABLE_END = (byte)'>';
    internal const byte _SD_BUS_VTABLE_METHOD = (byte)'M';
    internal const byte _SD_BUS_VTABLE_SIGNAL = (byte)'S';
    internal const byte _SD_BUS_VTABLE_PROPERTY = (byte)'P';

    internal const ulong SD_BUS_VTABLE_UNPRIVILEGED = 1UL << 2;
    internal const ulong SD_BUS_VTABLE_PROPERTY_CONST = 1UL << 4;
    internal const ulong SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE = 1UL << 5;
    internal const ulong SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION = 1UL << 6;

    internal const ulong _SD_BUS_VTABLE_PARAM_NAMES = 1UL << 0;

    [FieldOffset(0)]
    internal ulong type_flags;

    [FieldOffset(8)]
    internal nuint start_element_size;

    [FieldOffset(16)]
    internal ulong start_features;

    [FieldOffset(24)]
    internal nint start_vtable_format_reference;

    [FieldOffset(8)]
    internal nint method_member;

    [FieldOffset(16)]
    internal nint method_signature;

    [FieldOffset(24)]
    internal nint method_result;

    [FieldOffset(32)]
    internal delegate* unmanaged[Cdecl]<nint, nint, SdBusError*, int> method_handler;

    [FieldOffset(40)]
    internal nuint method_offset;

    [FieldOffset(48)]
    internal nint method_names;

    [FieldOffset(8)]
    internal nint signal_member;

    [FieldOffset(16)]
    internal nint signal_signature;

    [FieldOffset(24)]
    internal nint signal_names;

    [FieldOffset(8)]
    internal nint property_member;

    [FieldOffset(16)]
    internal nint property_signature;

    [FieldOffset(24)]
    internal delegate* unmanaged[Cdecl]<nint, byte*, byte*, byte*, nint, nint, SdBusError*, int> property_get;

    [FieldOffset(40)]
    internal nuint property_offset;

    internal static ulong TypeAndFlags(byte type, ulong flags) => type | (flags << 8);
}
