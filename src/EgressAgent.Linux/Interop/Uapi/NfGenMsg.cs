namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct nfgenmsg</c> of linux/netfilter/nfnetlink.h.</summary>
internal struct NfGenMsg
{
    internal byte nfgen_family;
    internal byte version;

    /// <summary>Big endian.</summary>
    internal ushort res_id;
}
