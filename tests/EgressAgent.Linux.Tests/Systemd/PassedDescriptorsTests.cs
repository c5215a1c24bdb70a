using EgressAgent.Linux.Systemd;

namespace EgressAgent.Linux.Tests.Systemd;

// Descriptors that are really passed begin at 3, which in a test process belongs to somebody else; that case is left to a service
// under a real systemd.
public sealed class PassedDescriptorsTests : IDisposable
{
    [Fact]
    public void Take_nothingPassed_isEmpty() => Assert.Empty(PassedDescriptors.Take());

    [Fact]
    public void Take_passedToAnotherProcess_isEmpty()
    {
        Set("2", process: 1);
        Assert.Empty(PassedDescriptors.Take());
    }

    [Fact]
    public void Take_malformed_throws()
    {
        Set("many", Environment.ProcessId);
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(PassedDescriptors.Take).Errno);
    }

    public void Dispose()
    {
        _ = NativeMethods.unsetenv("LISTEN_FDS");
        _ = NativeMethods.unsetenv("LISTEN_PID");
    }

    private static void Set(string count, int process)
    {
        _ = NativeMethods.setenv("LISTEN_FDS", count, 1);
        _ = NativeMethods.setenv("LISTEN_PID", $"{process}", 1);
    }
}
