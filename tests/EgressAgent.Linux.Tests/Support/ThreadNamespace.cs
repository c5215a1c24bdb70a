using System.Globalization;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Tests.Support;

/// <summary>In which network namespace one thread of this process is.</summary>
/// <param name="ThreadId">The kernel's thread id.</param>
/// <param name="Name">The thread's name, at most 15 characters.</param>
/// <param name="Namespace">The namespace.</param>
internal readonly record struct ThreadNamespace(int ThreadId, string Name, NetworkNamespaceId Namespace)
{
    /// <summary>
    /// Every thread of this process. A thread that sits in another namespace than the process's first one, and is not within
    /// <see cref="NetworkNamespace.Run{T}"/>, has leaked there.
    /// </summary>
    public static IReadOnlyList<ThreadNamespace> ListOwn()
    {
        var threads = new List<ThreadNamespace>();
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            // Threads end while the list is read.
            if (LibC.statx(LibC.AT_FDCWD, $"{task}/ns/net", 0, LibC.STATX_INO, out Statx status) == 0)
            {
                int id = int.Parse(Path.GetFileName(task.AsSpan()), CultureInfo.InvariantCulture);
                threads.Add(new ThreadNamespace(id, ReadName(task), NetworkNamespace.IdOf(status)));
            }
        }

        return threads;
    }

    private static string ReadName(string task)
    {
        try
        {
            return File.ReadAllText($"{task}/comm").TrimEnd('\n');
        }
        catch (IOException)
        {
            return "";
        }
    }
}
