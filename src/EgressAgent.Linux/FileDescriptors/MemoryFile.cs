using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>A file in memory (memfd_create(2)) for libraries that read files only; gone when it is disposed.</summary>
internal sealed class MemoryFile : IDisposable
{
    private readonly FileHandle _handle;

    private MemoryFile(FileHandle handle) => _handle = handle;

    /// <summary>By which this process can open it.</summary>
    public string Path => $"/proc/self/fd/{_handle.Descriptor}";

    /// <summary>A file that holds <paramref name="text"/> in UTF-8.</summary>
    /// <exception cref="LinuxException">No descriptor or no memory is left.</exception>
    public static MemoryFile Create(string name, string text)
    {
        int descriptor = LibC.memfd_create(name, LibC.MFD_CLOEXEC);
        if (descriptor < 0)
        {
            throw new LinuxException("create memory file", name, Errno.Last);
        }

        var file = new MemoryFile(new FileHandle(descriptor));
        try
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _handle.Dispose();

    private unsafe void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            fixed (byte* start = bytes)
            {
                nint written = LibC.write(_handle.Descriptor, start, (nuint)bytes.Length);
                Errno errno = written < 0 ? Errno.Last : Errno.Success;
                if (errno.IsSuccess)
                {
                    bytes = bytes[(int)written..];
                }
                else if (errno != Errno.EINTR)
                {
                    throw new LinuxException("write memory file", Path, errno);
                }
            }
        }
    }
}
