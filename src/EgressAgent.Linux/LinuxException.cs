namespace EgressAgent.Linux;

/// <summary>
/// The kernel, or a library that speaks for it, refused something. The message has four parts: what was tried, on what, the
/// error number, and the kernel's own words where it gave any:
/// <c>add link net1 in egress.default.web: EBUSY (Device or resource busy): "…"</c>.
/// </summary>
public sealed class LinuxException : IOException
{
    /// <param name="operation">What was tried, as a verb phrase: <c>add route</c>.</param>
    /// <param name="subject">On what: <c>default via 192.168.12.1 dev net1</c>.</param>
    /// <param name="errno">The error number.</param>
    /// <param name="kernelText">The kernel's own words: netlink's extended acknowledgement, libnftables' error text.</param>
    public LinuxException(string operation, string subject, Errno errno, string? kernelText = null)
        : base(Describe(operation, subject, errno, kernelText))
    {
        Errno = errno;
    }

    public Errno Errno { get; }

    private static string Describe(string operation, string subject, Errno errno, string? kernelText)
    {
        string what = subject.Length == 0 ? operation : $"{operation} {subject}";
        string why = errno.IsSuccess ? "" : $": {errno} ({errno.Message})";
        return string.IsNullOrEmpty(kernelText) ? what + why : $"{what}{why}: {kernelText}";
    }
}
