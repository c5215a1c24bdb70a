using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Tests.Sockets;

public sealed unsafe class MessageLayoutTests
{
    // sizeof and offsetof of sys/socket.h and linux/errqueue.h on 64-bit Linux.
    [Fact]
    public void Structures_are_as_large_as_in_C()
    {
        Assert.Equal(56, sizeof(LibC.MsgHdr));
        Assert.Equal(64, sizeof(LibC.MMsgHdr));
        Assert.Equal(16, sizeof(LibC.IoVec));
        Assert.Equal(16, sizeof(LibC.CMsgHdr));
        Assert.Equal(16, sizeof(LibC.SockExtendedErr));
        Assert.Equal(8, sizeof(LibC.Linger));
    }
}
