using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

public sealed partial class NetworkNamespace
{
    // Where this thread is, while it is inside of a Run; else it is at home, like every thread of the process.
    [ThreadStatic]
    private static NetworkNamespace? _entered;

    /// <summary>
    /// Runs <paramref name="action"/> on the calling thread inside this namespace, and takes the thread back also when the action
    /// throws: to the namespace of the process or, from a nested call, to that of the outer one. Costs two setns(2), some 5 µs.
    /// </summary>
    /// <remarks>
    /// The action makes system calls and nothing else. It must not touch the thread pool, tasks, timers or
    /// <see cref="System.Net.Sockets.Socket"/>, the constructor of which is enough (.NET 10): a thread that the runtime starts meanwhile
    /// inherits the namespace and keeps it for good. A descriptor of a socket stays in the namespace in which it was opened, so open it
    /// inside and use it outside. A thread that cannot return ends the process.
    /// </remarks>
    /// <exception cref="LinuxException">The namespace cannot be entered (EPERM).</exception>
    public T Run<T>(Func<T> action)
    {
        NetworkNamespace? outer = _entered;
        FileHandle origin = outer?.Handle ?? Home.Handle;
        if (LibC.setns(Handle, LibC.CLONE_NEWNET) < 0)
        {
            throw new LinuxException("enter network namespace", Name, Errno.Last);
        }

        _entered = this;
        try
        {
            return action();
        }
        finally
        {
            if (LibC.setns(origin, LibC.CLONE_NEWNET) < 0)
            {
                Environment.FailFast($"A thread cannot leave network namespace {Name}: {Errno.Last}");
            }

            _entered = outer;
        }
    }

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Action action) => Run(() =>
    {
        action();
        return true;
    });

    /// <summary>A socket of this namespace, close-on-exec, which any thread may use from outside.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal FileHandle CreateSocket(int domain, int type, int protocol)
    {
        (int descriptor, Errno errno) = Run(() =>
        {
            int result = LibC.socket(domain, type | LibC.SOCK_CLOEXEC, protocol);
            return (result, result < 0 ? Errno.Last : Errno.Success);
        });
        return errno.IsSuccess
            ? new FileHandle(LowDescriptors.Leave(descriptor))
            : throw new LinuxException("create socket", $"of family {domain}, protocol {protocol} in {Name}", errno);
    }

    // The namespace in which the process was started: opening it each time would cost more than both setns(2).
    private static class Home
    {
        internal static readonly FileHandle Handle = OpenPath("/proc/self/ns/net").Handle;
    }
}
