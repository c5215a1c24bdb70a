using System.Runtime.InteropServices;
using static EgressAgent.Linux.Bpf.BpfRegister;

namespace EgressAgent.Linux.Bpf;

/// <summary>
/// Writes eBPF instructions, Documentation/bpf/standardization/instruction-set.rst: 8 bytes each, being opcode, registers
/// (destination in the low half), a signed 16-bit offset and a signed 32-bit immediate. Jump offsets count from the next
/// instruction.
/// </summary>
internal sealed class BpfAssembler
{
    private const byte PseudoMapDescriptor = 1;

    private readonly List<Instruction> _instructions = [];
    private readonly List<(int Position, BpfLabel Target)> _jumps = [];

    internal void Move(BpfRegister destination, BpfRegister source) => Emit(0xbf, destination, source, 0, 0);

    internal void Move(BpfRegister destination, int value) => Emit(0xb7, destination, R0, 0, value);

    internal void Add(BpfRegister destination, int value) => Emit(0x07, destination, R0, 0, value);

    internal void Or(BpfRegister destination, BpfRegister source) => Emit(0x4f, destination, source, 0, 0);

    internal void ShiftLeft(BpfRegister destination, int bits) => Emit(0x67, destination, R0, 0, bits);

    /// <summary>Keeps the lower 16 bits, from host to network order.</summary>
    internal void ToNetworkOrder16(BpfRegister register) => Emit(0xdc, register, R0, 0, 16);

    internal void LoadWord(BpfRegister destination, BpfRegister address, int offset) =>
        Emit(0x61, destination, address, offset, 0);

    internal void LoadDoubleWord(BpfRegister destination, BpfRegister address, int offset) =>
        Emit(0x79, destination, address, offset, 0);

    internal void StoreDoubleWord(BpfRegister address, int offset, BpfRegister source) => Emit(0x7b, address, source, offset, 0);

    internal void StoreWord(BpfRegister address, int offset, BpfRegister source) => Emit(0x63, address, source, offset, 0);

    internal void StoreWord(BpfRegister address, int offset, int value) => Emit(0x62, address, R0, offset, value);

    /// <summary>Adds to 64 bits in memory, atomically.</summary>
    internal void AddToMemory(BpfRegister address, int offset, BpfRegister value) => Emit(0xdb, address, value, offset, 0);

    /// <summary>The address of a map; the verifier puts it in the place of the descriptor. It takes two instructions.</summary>
    internal void LoadMap(BpfRegister destination, int descriptor)
    {
        Emit(0x18, destination, (BpfRegister)PseudoMapDescriptor, 0, descriptor);
        Emit(0, R0, R0, 0, 0);
    }

    /// <summary>All 64 bits. It takes two instructions.</summary>
    internal void MoveWide(BpfRegister destination, ulong value)
    {
        Emit(0x18, destination, R0, 0, (int)value);
        Emit(0, R0, R0, 0, (int)(value >> 32));
    }

    internal void Jump(BpfLabel target) => EmitJump(0x05, R0, 0, target);

    /// <summary>Compares the register's lower 32 bits.</summary>
    internal void JumpIfEqual(BpfRegister register, int value, BpfLabel target) => EmitJump(0x16, register, value, target);

    /// <summary>Compares the register's lower 32 bits.</summary>
    internal void JumpIfNotEqual(BpfRegister register, int value, BpfLabel target) => EmitJump(0x56, register, value, target);

    /// <summary>Compares all 64 bits, unsigned: whether <paramref name="register"/> is as large as the other one, or larger.</summary>
    internal void JumpIfNotLess(BpfRegister register, BpfRegister other, BpfLabel target)
    {
        _jumps.Add((_instructions.Count, target));
        Emit(0x3d, register, other, 0, 0);
    }

    /// <summary>Compares all 64 bits, as the verifier wants it for pointers.</summary>
    internal void JumpIfNull(BpfRegister register, BpfLabel target) => EmitJump(0x15, register, 0, target);

    /// <param name="helper">The number in enum bpf_func_id, linux/bpf.h.</param>
    internal void Call(int helper) => Emit(0x85, R0, R0, 0, helper);

    internal void Exit() => Emit(0x95, R0, R0, 0, 0);

    internal void Mark(BpfLabel label) => label.Position = _instructions.Count;

    /// <summary>The finished code, jumps resolved.</summary>
    internal byte[] ToArray()
    {
        Span<Instruction> code = CollectionsMarshal.AsSpan(_instructions);
        foreach ((int position, BpfLabel target) in _jumps)
        {
            code[position].Offset = checked((short)(target.Position - position - 1));
        }

        return MemoryMarshal.AsBytes(code).ToArray();
    }

    private void EmitJump(byte opcode, BpfRegister register, int value, BpfLabel target)
    {
        _jumps.Add((_instructions.Count, target));
        Emit(opcode, register, R0, 0, value);
    }

    private void Emit(byte opcode, BpfRegister destination, BpfRegister source, int offset, int value) =>
        _instructions.Add(new Instruction
        {
            Opcode = opcode,
            Registers = (byte)((byte)source << 4 | (byte)destination),
            Offset = checked((short)offset),
            Immediate = value,
        });

    [StructLayout(LayoutKind.Sequential)]
    private struct Instruction
    {
        internal byte Opcode;
        internal byte Registers;
        internal short Offset;
        internal int Immediate;
    }
}

/// <summary>
/// The registers of the BPF machine. R0 is a call's result, R1 to R5 its arguments (lost in a call), R6 to R9 survive calls, R10
/// is the frame's end: Documentation/bpf/standardization/abi.rst.
/// </summary>
internal enum BpfRegister : byte
{
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// <summary>A place in a program that jumps may name before it is reached.</summary>
internal sealed class BpfLabel
{
    internal int Position { get; set; } = -1;
}
