namespace EgressAgent.Model.Planning;

/// <summary>A kernel setting of a router's netns.</summary>
/// <param name="Key">The path below <c>/proc/sys</c>: <c>net/ipv4/ip_forward</c>.</param>
/// <param name="Value">The value as the kernel prints it.</param>
public sealed record SysctlEntry(string Key, string Value)
{
    public override string ToString() => $"{Key}={Value}";
}
