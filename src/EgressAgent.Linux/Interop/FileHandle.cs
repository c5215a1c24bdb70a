using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary>
/// Owns one file descriptor and closes it once. Every descriptor that the agent makes is close-on-exec and lives in a handle of
/// this type or of one derived from it.
/// </summary>
public class FileHandle : SafeHandle
{
    /// <summary>For the marshaller, which sets the descriptor afterwards.</summary>
    public FileHandle()
        : base(-1, ownsHandle: true)
    {
    }

    public FileHandle(int descriptor, bool ownsHandle = true)
        : base(-1, ownsHandle) => SetHandle(descriptor);

    public override bool IsInvalid => handle < 0;

    /// <summary>The number itself, for calls that take an int. Valid while the caller holds the handle alive.</summary>
    public int Descriptor => (int)handle;

    // EINTR from close(2) on Linux means that the descriptor is gone all the same, so it is never retried.
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
