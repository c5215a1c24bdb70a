namespace EgressAgent.Model.Planning;

/// <summary>
/// The kernel names of a router. All of them are derived from its key, so that a restarted agent finds what it built before.
/// </summary>
public static class RouterNames
{
    /// <summary>The veth end inside the router's netns, towards the clients.</summary>
    public const string InsideLink = "eth0";

    /// <summary>The macvlan inside the router's netns, towards the physical network.</summary>
    public const string OutsideLink = "net1";

    /// <summary>The veth end inside the router's netns, towards the Services; there only where one selects the router.</summary>
    public const string ServiceLink = "eth1";

    /// <summary>
    /// The alternative name of the netns's loopback while the router is claimed on this node. It outlives the agent and not the boot, and
    /// whoever takes it away releases the router, agent or none. Loopback is up, and the kernel tells of alternative names of such links alone.
    /// </summary>
    public const string ClaimMark = "egress-claimed";

    /// <summary>What the names of all outer veth ends start with.</summary>
    public const string NodeLinkPrefix = "egr-";

    private const string NetnsPrefix = "egress.";

    // An altname holds 127 bytes (ALTIFNAMSIZ), a file name 255 (NAME_MAX).
    private const int MaxAltName = 127;
    private const int MaxFileName = 255;

    /// <summary>The name below <c>/run/netns</c>: <c>egress.default.web</c>.</summary>
    public static string Netns(RouterKey key) => Shorten(Full(key), key, MaxFileName);

    /// <summary>What the router's own directories are called: <c>NAMESPACE.NAME</c>, as its netns without the prefix.</summary>
    public static string Directory(RouterKey key) => Netns(key)[NetnsPrefix.Length..];

    /// <summary>The outer veth end on the node: <c>egr-</c> and 8 hexadecimal digits.</summary>
    public static string NodeLink(RouterKey key) => NodeLinkPrefix + Hash(key);

    /// <summary>The alternative name of the outer veth end, which a person can read.</summary>
    public static string NodeLinkAltName(RouterKey key) => Shorten(Full(key), key, MaxAltName);

    /// <summary>Reads a key back from a netns name. Names of other tools, and shortened ones, yield false.</summary>
    public static bool TryParseNetns(string name, out RouterKey key)
    {
        key = default;
        if (!name.StartsWith(NetnsPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        // A namespace is a DNS label and holds no dot, so the first dot ends it.
        int dot = name.IndexOf('.', NetnsPrefix.Length);
        if (dot <= NetnsPrefix.Length || dot == name.Length - 1)
        {
            return false;
        }

        key = new RouterKey(name[NetnsPrefix.Length..dot], name[(dot + 1)..]);
        return Netns(key) == name;
    }

    private static string Full(RouterKey key) => $"{NetnsPrefix}{key.Namespace}.{key.Name}";

    private static string Shorten(string name, RouterKey key, int limit) =>
        name.Length <= limit ? name : $"{name[..(limit - 9)]}.{Hash(key)}";

    private static string Hash(RouterKey key) =>
        Convert.ToHexStringLower(Sha256.Hash(key.ToString()).AsSpan(0, 4));
}
