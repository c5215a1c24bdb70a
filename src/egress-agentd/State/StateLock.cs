using EgressAgent.Linux;
using EgressAgent.Linux.Files;

namespace EgressAgent.Daemon.State;

/// <summary>
/// Keeps a state directory, and with it the routers of its owner, for one process: an agent that runs, or a cleanup. Who only reads
/// needs none.
/// </summary>
internal sealed class StateLock : IDisposable
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly DirectoryLock? _lock;

    private StateLock(DirectoryLock? taken) => _lock = taken;

    /// <summary>
    /// Takes it. Where there is no directory, nor can be, or its file system has no locks, nobody is kept out: what is wrong with the
    /// state is told by who reads or writes it.
    /// </summary>
    /// <exception cref="StateInUseException">Another process has it.</exception>
    internal static StateLock Take(string directory)
    {
        try
        {
            return new StateLock(DirectoryLock.TryTake(directory) ?? throw new StateInUseException(directory));
        }
        catch (LinuxException)
        {
            return new StateLock(null);
        }
    }

    /// <summary>Makes the directory, for root only, when it is missing.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made.</exception>
    internal static void CreateDirectory(string directory) => Directory.CreateDirectory(directory, DirectoryMode);

    public void Dispose() => _lock?.Dispose();
}
