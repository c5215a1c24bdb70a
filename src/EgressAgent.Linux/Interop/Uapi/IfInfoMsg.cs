namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct ifinfomsg</c> of linux/rtnetlink.h.</summary>
internal struct IfInfoMsg
{
    internal byte ifi_family;
    internal byte __ifi_pad;
    internal ushort ifi_type;
    internal int ifi_index;
    internal uint ifi_flags;
    internal uint ifi_change;
}
