namespace EgressAgent.Linux.Bpf;

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
