namespace EgressAgent.Linux.Nftables;

/// <summary>An element of a set or map, as the kernel lists it.</summary>
/// <param name="Key">What it stands for; in a set of intervals, where one begins.</param>
/// <param name="Data">Of a map, the attributes of the data; null else.</param>
/// <param name="IsEnd">Whether what begins here is not in the set.</param>
/// <param name="IsCatchAll">Whether it stands for all others.</param>
internal sealed record NftListedElement(byte[] Key, byte[]? Data, bool IsEnd, bool IsCatchAll);
