using EgressAgent.Linux.Epoll;

namespace EgressAgent.Linux.Tests.Epoll;

public sealed class EpollHandleTests
{
    [Fact]
    public void Wait_brings_back_what_was_added()
    {
        using var epoll = EpollHandle.Create();
        using var events = new EpollEventBuffer(4);
        using var first = WakeupHandle.Create();
        using var second = WakeupHandle.Create();
        Assert.True(epoll.Add(first.Descriptor, EpollEvents.In, 0x1122334455667788).IsSuccess);
        Assert.True(epoll.Add(second.Descriptor, EpollEvents.In, ulong.MaxValue).IsSuccess);
        Assert.Equal(0, epoll.Wait(events, 0));

        first.Signal();
        second.Signal();

        Assert.Equal(2, epoll.Wait(events, 0));
        Assert.Equal<ulong[]>([0x1122334455667788, ulong.MaxValue], [.. new[] { events.Data(0), events.Data(1) }.Order()]);
        Assert.Equal(EpollEvents.In, events.Events(0));
        first.Reset();
        second.Reset();
        Assert.Equal(0, epoll.Wait(events, 0));
    }

    [Fact]
    public void Add_of_what_is_there_already_says_so()
    {
        using var epoll = EpollHandle.Create();
        using var wakeup = WakeupHandle.Create();
        Assert.True(epoll.Add(wakeup.Descriptor, EpollEvents.In, 0).IsSuccess);

        Assert.Equal(Errno.EEXIST, epoll.Add(wakeup.Descriptor, EpollEvents.In, 0));
        Assert.True(epoll.Remove(wakeup.Descriptor).IsSuccess);
    }
}
