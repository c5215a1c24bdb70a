using System.Globalization;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Files;

/// <summary>
/// A directory that one process at a time has for itself. The lock is the kernel's (flock(2)), on the directory: it needs no file, so
/// it works on a full and on a read-only file system, and ends with the process, however that ends. It keeps out who asks for it, and
/// no reader.
/// </summary>
public sealed class DirectoryLock : IDisposable
{
    private readonly FileHandle _directory;

    private DirectoryLock(FileHandle directory) => _directory = directory;

    /// <summary>Null when another process has it.</summary>
    /// <exception cref="LinuxException">There is no such directory, or its file system has no locks.</exception>
    public static DirectoryLock? TryTake(string path)
    {
        int descriptor = LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            throw new LinuxException("open directory", path, Errno.Last);
        }

        var directory = new FileHandle(descriptor);
        if (LibC.flock(directory, LibC.LOCK_EX | LibC.LOCK_NB) == 0)
        {
            return new DirectoryLock(directory);
        }

        Errno errno = Errno.Last;
        directory.Dispose();
        return errno == Errno.EAGAIN ? null : throw new LinuxException("lock directory", path, errno);
    }

    /// <summary>The id of the process that has it, as far as the kernel tells (proc_locks(5)); null when it does not.</summary>
    public static int? FindHolder(string path)
    {
        if (LibC.statx(LibC.AT_FDCWD, path, 0, LibC.STATX_INO, out Statx status) < 0)
        {
            return null;
        }

        // 1: FLOCK  ADVISORY  WRITE 4242 00:1f:1234 0 EOF. What stat(2) calls the device is another number on some file systems.
        string inode = $":{status.stx_ino}";
        return File.ReadLines("/proc/locks")
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length >= 6 && words[1] == "FLOCK" && words[5].EndsWith(inode, StringComparison.Ordinal))
            .Select(words => int.TryParse(words[4], CultureInfo.InvariantCulture, out int process) && process > 0 ? (int?)process : null)
            .FirstOrDefault();
    }

    public void Dispose() => _directory.Dispose();
}
