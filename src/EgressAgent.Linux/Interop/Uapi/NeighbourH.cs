namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/neighbour.h.</summary>
internal static class NeighbourH
{
    internal const ushort NDA_DST = 1;
    internal const ushort NDA_LLADDR = 2;
    internal const ushort NDA_IFINDEX = 8;

    internal const byte NTF_PROXY = 8;
}
