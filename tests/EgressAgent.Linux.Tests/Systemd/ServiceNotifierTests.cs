using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Systemd;

namespace EgressAgent.Linux.Tests.Systemd;

public sealed class ServiceNotifierTests : IDisposable
{
    private readonly NotifySocket _manager = new();

    [Fact]
    public void Ready_manager_isToldTheStatusInOneMessage()
    {
        Assert.True(ServiceNotifier.Ready("3 routers\nactive"));
        Assert.Equal("READY=1\nSTATUS=3 routers active", _manager.Receive().Text);
    }

    [Fact]
    public void Stopping_manager_isTold()
    {
        Assert.True(ServiceNotifier.Stopping());
        Assert.Equal("STOPPING=1", _manager.Receive().Text);
    }

    [Fact]
    public void Alive_manager_isTold()
    {
        Assert.True(ServiceNotifier.Alive());
        Assert.Equal("WATCHDOG=1", _manager.Receive().Text);
    }

    [Theory]
    [InlineData("3 routers active", "STATUS=3 routers active")]
    [InlineData("über\nREADY=1\r\nend", "STATUS=über READY=1 end")]
    public void Status_text_isOneLine(string status, string expected)
    {
        Assert.True(ServiceNotifier.Status(status));
        Assert.Equal(expected, _manager.Receive().Text);
    }

    [Fact]
    public void StoreDescriptors_descriptors_arePassedUnderTheirName()
    {
        using FileStream file = File.OpenRead("/dev/null");
        using var handle = new FileHandle((int)file.SafeFileHandle.DangerousGetHandle(), ownsHandle: false);

        Assert.True(ServiceNotifier.StoreDescriptors("default/web", handle, handle));

        (string text, int[] descriptors) = _manager.Receive();
        Assert.Equal("FDSTORE=1\nFDPOLL=0\nFDNAME=default/web", text);
        Assert.Equal(2, descriptors.Length);
        foreach (int descriptor in descriptors)
        {
            using var received = new FileHandle(descriptor);
            Assert.Equal("/dev/null", File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false)?.FullName);
        }
    }

    [Fact]
    public void RemoveStoredDescriptors_name_isTold()
    {
        Assert.True(ServiceNotifier.RemoveStoredDescriptors("default/web"));
        Assert.Equal("FDSTOREREMOVE=1\nFDNAME=default/web", _manager.Receive().Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a:b")]
    [InlineData("a\nREADY=1")]
    public void StoreDescriptors_malformedName_isRefused(string name) =>
        Assert.Throws<ArgumentException>(() => ServiceNotifier.StoreDescriptors(name));

    [Fact]
    public void Ready_nobodyAsked_doesNothing()
    {
        _manager.Dispose();
        Assert.False(ServiceNotifier.Ready(""));
    }

    [Fact]
    public void Ready_managerGone_throws()
    {
        _ = NativeMethods.setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => ServiceNotifier.Ready("")).Errno);
    }

    public void Dispose() => _manager.Dispose();
}
