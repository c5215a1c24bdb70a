namespace EgressAgent.Linux.Nftables;

/// <summary>Makes an exception of what libnftables says: it reports in words only, be the error its own or the kernel's.</summary>
internal static class NftError
{
    private const string Error = "Error: ";
    private const string KernelRefusal = "Could not process rule: ";

    // The last number of asm-generic/errno.h.
    private const int MaxErrno = 133;

    public static LinuxException ToException(string text, string netnsName) =>
        new("run nft script", $"in {netnsName}", ErrnoOf(text), text.TrimEnd());

    /// <summary>The error number whose strerror(3) text the first error begins with; EINVAL where the script itself is wrong.</summary>
    public static Errno ErrnoOf(string text)
    {
        int start = text.IndexOf(Error, StringComparison.Ordinal);
        ReadOnlySpan<char> words = start < 0 ? text : text.AsSpan(start + Error.Length);
        if (words.StartsWith(KernelRefusal))
        {
            words = words[KernelRefusal.Length..];
        }

        // "No such device" begins "No such device or address" too: the longest text is meant.
        Errno found = Errno.EINVAL;
        int longest = 0;
        for (int number = 1; number <= MaxErrno; number++)
        {
            var errno = new Errno(number);
            string message = errno.Message;
            if (message.Length > longest && words.StartsWith(message))
            {
                (found, longest) = (errno, message.Length);
            }
        }

        return found;
    }
}
