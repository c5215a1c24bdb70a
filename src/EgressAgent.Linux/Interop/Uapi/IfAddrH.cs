namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/if_addr.h.</summary>
internal static class IfAddrH
{
    internal const ushort IFA_ADDRESS = 1;
    internal const ushort IFA_LOCAL = 2;
    internal const ushort IFA_LABEL = 3;
    internal const ushort IFA_FLAGS = 8;
}
