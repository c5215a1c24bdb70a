using System.ComponentModel;
using System.Runtime.InteropServices;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// A service manager's file descriptor store (FileDescriptorStoreMax=): keeps what agents gave it, one after the other, and hands it
/// to each that starts (sd_listen_fds(3)).
/// </summary>
public sealed class KeptDescriptors : IDisposable
{
    // Beyond the numbers at which a new process expects its own.
    private const int FirstInheritable = 512;

    private readonly Lock _lock = new();
    private readonly List<(string Name, int Descriptor)> _kept = [];

    /// <summary>The names under which something is kept, in the order in which it came.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_lock)
            {
                return [.. _kept.Select(kept => kept.Name)];
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _kept.ForEach(kept => LabLibC.close(kept.Descriptor));
            _kept.Clear();
        }
    }

    internal void Add(string name, int descriptor)
    {
        lock (_lock)
        {
            _kept.Add((name, descriptor));
        }
    }

    internal void Remove(string name)
    {
        lock (_lock)
        {
            foreach ((string Name, int Descriptor) kept in _kept.Where(kept => kept.Name == name).ToList())
            {
                LabLibC.close(kept.Descriptor);
                _kept.Remove(kept);
            }
        }
    }

    /// <summary>Starts a process that has all of it from descriptor 3 on, and no other copy.</summary>
    /// <param name="start">Starts the words that it is given.</param>
    /// <param name="words">The program, which keeps the process ID of what is started.</param>
    internal T PassTo<T>(Func<IReadOnlyList<string>, T> start, IReadOnlyList<string> words)
    {
        lock (_lock)
        {
            if (_kept.Count == 0)
            {
                return start(words);
            }

            int[] copies = [.. _kept.Select(kept => Inheritable(kept.Descriptor))];
            try
            {
                string moves = string.Join(' ', copies.Select((copy, index) => $"{3 + index}<&{copy} {copy}<&-"));
                string variables = $"LISTEN_PID=$$ LISTEN_FDS={copies.Length} LISTEN_FDNAMES={string.Join(':', _kept.Select(kept => kept.Name))}";
                return start(["bash", "-c", $"exec {moves}; export {variables}; exec \"$@\"", "start", .. words]);
            }
            finally
            {
                Array.ForEach(copies, copy => LabLibC.close(copy));
            }
        }
    }

    // Without FD_CLOEXEC.
    private static int Inheritable(int descriptor)
    {
        int copy = LabLibC.fcntl(descriptor, LabLibC.F_DUPFD, FirstInheritable);
        return copy >= 0 ? copy : throw new Win32Exception(Marshal.GetLastPInvokeError(), "F_DUPFD");
    }
}
