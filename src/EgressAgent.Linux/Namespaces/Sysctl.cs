using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// The kernel's settings of one network namespace (sysctl(8)). Keys are written as paths, <c>net/ipv4/conf/eth0.5/forwarding</c>,
/// since names of links may contain dots.
/// </summary>
/// <remarks>
/// What is under <c>/proc/sys/net</c> belongs to the namespace of the thread that opens it; so every access enters the namespace
/// for the time of three system calls.
/// </remarks>
public static class Sysctl
{
    private const int MaxValueLength = 4096;

    /// <summary>The value without the newline at its end; null when the key does not exist.</summary>
    /// <exception cref="ArgumentException">The key is not below <c>net/</c>.</exception>
    /// <exception cref="LinuxException">The kernel refused, or the value is longer than a page.</exception>
    public static string? Get(NetworkNamespace netns, string key)
    {
        string path = PathOf(key);
        byte[] buffer = new byte[MaxValueLength];
        (int length, Errno errno) = netns.Run(() => Transfer(path, LibC.O_RDONLY, buffer));
        return errno.IsSuccess
            ? Encoding.UTF8.GetString(buffer, 0, length).TrimEnd('\n')
            : IsMissing(errno) ? null : throw new LinuxException("read sysctl", $"{key} in {netns}", errno);
    }

    /// <summary>Writes a value.</summary>
    /// <returns>False when the key does not exist.</returns>
    /// <exception cref="ArgumentException">The key is not below <c>net/</c>.</exception>
    /// <exception cref="LinuxException">The kernel refused the value (EINVAL), or /proc/sys is mounted read-only (EROFS).</exception>
    public static bool Set(NetworkNamespace netns, string key, string value)
    {
        string path = PathOf(key);
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        (_, Errno errno) = netns.Run(() => Transfer(path, LibC.O_WRONLY, bytes));
        return errno.IsSuccess
            || (IsMissing(errno) ? false : throw new LinuxException("write sysctl", $"{key} = {value} in {netns}", errno));
    }

    /// <inheritdoc cref="Set(NetworkNamespace, string, string)"/>
    public static bool Set(NetworkNamespace netns, string key, int value) => Set(netns, key, value.ToString());

    internal static string PathOf(string key)
    {
        string[] segments = key.Split('/');
        if (segments.Length < 2 || segments[0] != "net" || segments.Any(segment => segment is "" or "." or ".."))
        {
            throw new ArgumentException($"'{key}' is no key below net/", nameof(key));
        }

        return $"/proc/sys/{key}";
    }

    // What every namespace has of its own is one name in one directory, "ipv4" in /proc/sys/net: to find it the kernel goes through those of
    // all namespaces. What is below belongs to one of them.
    internal static (string Directory, string Name) Divide(string path)
    {
        int end = path.IndexOf('/', "/proc/sys/net/".Length);
        return end < 0 ? ("/proc/sys/net", path["/proc/sys/net/".Length..]) : (path[..end], path[(end + 1)..]);
    }

    // A link's directory can go away between open and read: ENODEV.
    internal static bool IsMissing(Errno errno) => errno == Errno.ENOENT || errno == Errno.ENOTDIR || errno == Errno.ENODEV;

    private static (int Length, Errno Errno) Transfer(string path, int mode, byte[] buffer) =>
        Transfer(LibC.open(path, mode | LibC.O_CLOEXEC, 0), mode, buffer);

    private static unsafe (int Length, Errno Errno) Transfer(int descriptor, int mode, byte[] buffer)
    {
        if (descriptor < 0)
        {
            return (0, Errno.Last);
        }

        using var file = new FileHandle(descriptor);
        fixed (byte* bytes = buffer)
        {
            // One call each: the kernel takes and gives a whole value at once.
            nint length = mode == LibC.O_RDONLY
                ? LibC.read(descriptor, bytes, (nuint)buffer.Length)
                : LibC.write(descriptor, bytes, (nuint)buffer.Length);
            return length < 0 ? (0, Errno.Last) : ((int)length, Errno.Success);
        }
    }
}
