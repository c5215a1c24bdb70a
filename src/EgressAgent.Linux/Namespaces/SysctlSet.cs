using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// Settings that are read together, again and again, in many network namespaces. Faster than one by one (<see cref="Sysctl"/>), the more
/// so the more namespaces there are. Thread-safe.
/// </summary>
public sealed class SysctlSet
{
    private const int MaxValueLength = 4096;

    private readonly string[] _keys;
    private readonly string[] _directories;
    private readonly (int Directory, string Name)[] _files;

    // As read last, in whichever namespace: most have the same values, and share the strings.
    private readonly string?[] _last;

    /// <param name="keys">What to read, as <see cref="Sysctl"/> writes it.</param>
    /// <exception cref="ArgumentException">A key is not below <c>net/</c>.</exception>
    public SysctlSet(IEnumerable<string> keys)
    {
        _keys = [.. keys];
        (string Directory, string Name)[] paths = [.. _keys.Select(Sysctl.PathOf).Select(Sysctl.Divide)];
        _directories = [.. paths.Select(path => path.Directory).Distinct()];
        _files = [.. paths.Select(path => (Array.IndexOf(_directories, path.Directory), path.Name))];
        _last = new string?[_keys.Length];
    }

    public IReadOnlyList<string> Keys => _keys;

    /// <summary>The values in the order of <see cref="Keys"/>, by one visit of the namespace; null for those that do not exist there.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<string?> Read(NetworkNamespace netns)
    {
        string?[] values = new string?[_keys.Length];
        (int refused, Errno errno) = netns.Run(() => Read(values));
        return errno.IsSuccess ? values : throw new LinuxException("read sysctl", $"{_keys[refused]} in {netns}", errno);
    }

    // Hundreds of files in a row, so these descriptors have no handles.
    private (int Index, Errno Errno) Read(string?[] values)
    {
        Span<byte> buffer = stackalloc byte[MaxValueLength];
        Span<int> directories = stackalloc int[_directories.Length];
        directories.Fill(-1);
        try
        {
            for (int index = 0; index < _files.Length; index++)
            {
                (int directory, string name) = _files[index];
                if (directories[directory] < 0)
                {
                    directories[directory] = LibC.open(_directories[directory], LibC.O_PATH | LibC.O_CLOEXEC, 0);
                }

                (int length, Errno errno) = directories[directory] < 0 ? (0, Errno.Last) : Read(directories[directory], name, buffer);
                if (errno.IsSuccess)
                {
                    values[index] = Share(index, buffer[..length]);
                }
                else if (!Sysctl.IsMissing(errno))
                {
                    return (index, errno);
                }
            }

            return (0, Errno.Success);
        }
        finally
        {
            foreach (int directory in directories)
            {
                if (directory >= 0)
                {
                    _ = LibC.close(directory);
                }
            }
        }
    }

    private static unsafe (int Length, Errno Errno) Read(int directory, string name, Span<byte> buffer)
    {
        int descriptor = LibC.openat(directory, name, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            return (0, Errno.Last);
        }

        fixed (byte* bytes = buffer)
        {
            // One call: the kernel gives a whole value at once.
            nint length = LibC.read(descriptor, bytes, (nuint)buffer.Length);
            Errno errno = length < 0 ? Errno.Last : Errno.Success;
            _ = LibC.close(descriptor);
            return ((int)length, errno);
        }
    }

    private string Share(int index, ReadOnlySpan<byte> bytes)
    {
        bytes = bytes.TrimEnd((byte)'\n');
        string? last = Volatile.Read(ref _last[index]);
        if (last is not null && Ascii.Equals(bytes, last))
        {
            return last;
        }

        string value = Encoding.UTF8.GetString(bytes);
        Volatile.Write(ref _last[index], value);
        return value;
    }
}
