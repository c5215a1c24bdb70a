namespace EgressAgent.Linux.Interop;

/// <summary>
/// Keeps signals from the calling thread until the end, so that no system call of a library that does not expect them returns early. Other
/// threads take them meanwhile.
/// </summary>
internal unsafe ref struct BlockedSignals
{
    private fixed ulong _former[LibC.SignalSetWords];

    internal static BlockedSignals All()
    {
        BlockedSignals blocked = default;
        ulong* all = stackalloc ulong[LibC.SignalSetWords];
        new Span<ulong>(all, LibC.SignalSetWords).Fill(ulong.MaxValue);
        _ = LibC.pthread_sigmask(LibC.SIG_SETMASK, all, blocked._former);
        return blocked;
    }

    public void Dispose()
    {
        fixed (ulong* former = _former)
        {
            _ = LibC.pthread_sigmask(LibC.SIG_SETMASK, former, null);
        }
    }
}
