namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/net_namespace.h.</summary>
internal static class NetNamespaceH
{
    internal const ushort NETNSA_NSID = 1;
    internal const ushort NETNSA_FD = 3;

    internal const int NETNSA_NSID_NOT_ASSIGNED = -1;
}
