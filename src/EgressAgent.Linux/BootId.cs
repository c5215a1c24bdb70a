namespace EgressAgent.Linux;

/// <summary>The number that the kernel gave to this boot: what is of another one is not of now. Source: random(4).</summary>
public static class BootId
{
    /// <summary>As <c>f81d4fae-7dec-11d0-a765-00a0c91e6bf6</c>.</summary>
    public static string Current { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
