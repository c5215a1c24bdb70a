namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct ndmsg</c> of linux/neighbour.h.</summary>
internal struct NdMsg
{
    internal byte ndm_family;
    internal byte ndm_pad1;
    internal ushort ndm_pad2;
    internal int ndm_ifindex;
    internal ushort ndm_state;
    internal byte ndm_flags;
    internal byte ndm_type;
}
