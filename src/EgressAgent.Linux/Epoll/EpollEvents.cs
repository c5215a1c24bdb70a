namespace EgressAgent.Linux.Epoll;

/// <summary>What epoll(7) reports and is asked for; the values are those of sys/epoll.h.</summary>
[Flags]
public enum EpollEvents : uint
{
    None = 0,
    In = 0x001,
    Priority = 0x002,
    Out = 0x004,
    Error = 0x008,
    HangUp = 0x010,
    ReadHangUp = 0x2000,

    /// <summary>Of several epoll instances that watch one descriptor, wake at least one, not all.</summary>
    Exclusive = 1u << 28,
    EdgeTriggered = 1u << 31,
}
