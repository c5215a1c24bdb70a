namespace EgressAgent.Linux.Bpf;

/// <summary>A place in a program that jumps may name before it is reached.</summary>
internal sealed class BpfLabel
{
    internal int Position { get; set; } = -1;
}
