namespace EgressAgent.Linux.Bpf;

/// <summary>enum bpf_map_type, linux/bpf.h.</summary>
internal enum BpfMapType : uint
{
    LpmTrie = 11,
    SocketMap = 15,
}
