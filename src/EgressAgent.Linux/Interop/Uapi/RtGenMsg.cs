namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct rtgenmsg</c> of linux/rtnetlink.h; the attributes after it start at the next multiple of 4.</summary>
internal struct RtGenMsg
{
    internal byte rtgen_family;
}
