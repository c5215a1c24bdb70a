using System.ComponentModel;
using System.Runtime.InteropServices;
using EgressAgent.Testing.Lab.Interop;
using Microsoft.Win32.SafeHandles;

namespace EgressAgent.Testing.Lab;

/// <summary>Runs a few raw calls inside a network namespace, on the calling thread.</summary>
internal static class NamespaceEntry
{
    /// <summary>
    /// Runs <paramref name="rawCalls"/> inside the namespace at <paramref name="path"/> and comes back. A new OS thread inherits the
    /// namespace of the thread that made it, so nothing in there may touch the thread pool: create, bind and listen, and use the
    /// socket outside. A socket keeps the namespace in which it was created.
    /// </summary>
    internal static T Run<T>(string path, Func<T> rawCalls)
    {
        using SafeFileHandle home = Open("/proc/thread-self/ns/net");
        using SafeFileHandle inside = Open(path);
        Enter(inside);
        try
        {
            return rawCalls();
        }
        finally
        {
            Leave(home);
        }
    }

    // FileShare.ReadWrite keeps .NET from locking the file with flock(2).
    private static SafeFileHandle Open(string path) => File.OpenHandle(path, share: FileShare.ReadWrite);

    private static void Enter(SafeFileHandle target)
    {
        if (LabLibC.setns((int)target.DangerousGetHandle(), LabLibC.CLONE_NEWNET) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "setns into a lab host");
        }
    }

    private static void Leave(SafeFileHandle home)
    {
        if (LabLibC.setns((int)home.DangerousGetHandle(), LabLibC.CLONE_NEWNET) != 0)
        {
            // A thread of the pool that cannot come home would run strangers' code in a lab host.
            Environment.FailFast("setns home failed: " + Marshal.GetLastPInvokeErrorMessage());
        }
    }
}
