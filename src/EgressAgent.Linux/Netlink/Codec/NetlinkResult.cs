namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>How the kernel answered a request.</summary>
/// <param name="Errno">The error number, or success.</param>
/// <param name="KernelText">The text of the extended acknowledgement, and which attribute it is about, where the kernel says so.</param>
internal readonly record struct NetlinkResult(Errno Errno, string? KernelText)
{
    public bool IsSuccess => Errno.IsSuccess;

    public LinuxException ToException(string operation, string subject) => new(operation, subject, Errno, KernelText);
}
