using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Lab;

/// <summary>Stops a process where it is and lets it go on, as <c>kill -STOP</c> and <c>kill -CONT</c> do.</summary>
public static class ProcessSignals
{
    public static void Stop(this Process process) => Signal(process, LabLibC.SIGSTOP);

    public static void Continue(this Process process) => Signal(process, LabLibC.SIGCONT);

    private static void Signal(Process process, int signal)
    {
        if (LabLibC.kill(process.Id, signal) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"kill {process.Id}");
        }
    }
}
