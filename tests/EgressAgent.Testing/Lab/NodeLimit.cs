namespace EgressAgent.Testing.Lab;

/// <summary>
/// A limit of the whole node, a file below /proc/sys, which has another value until this object is disposed of. Only where the kernel
/// is the test's own.
/// </summary>
public sealed class NodeLimit : IDisposable
{
    // Only the first network namespace of a kernel may write the limits of its network.
    private static readonly string? FirstNetns = Environment.GetEnvironmentVariable("EGRESS_VM_NETNS");

    private readonly string _path;
    private readonly string _before;

    /// <param name="name">As sysctl(8) spells it, with slashes.</param>
    /// <param name="value">The value meanwhile.</param>
    public NodeLimit(string name, int value)
    {
        Requires.OwnKernel();
        _path = $"/proc/sys/{name}";
        _before = InFirstNetns($"cat {_path}");
        Set(value);
    }

    /// <summary>Whether this is tests/vm.</summary>
    public static bool IsOwn => FirstNetns is not null;

    public void Set(int value) => InFirstNetns($"echo {value} >{_path}");

    public void Dispose() => InFirstNetns($"echo {_before.Trim()} >{_path}");

    private static string InFirstNetns(string command) => Command.Check("nsenter", $"--net={FirstNetns}", "--", "sh", "-c", command);
}
