namespace EgressAgent.Engine.Kernel;

/// <summary>What a trial said of the kernel.</summary>
/// <param name="WhyNot">Why it is not trusted to offload flows; null when it passed.</param>
/// <param name="IsFinal">Whether the next trial would say the same; otherwise it could not be told.</param>
internal sealed record FlowOffloadVerdict(string? WhyNot, bool IsFinal = true);
