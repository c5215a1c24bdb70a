namespace EgressAgent.Model.Planning;

/// <summary>Both ends of a router's veth pair, as they are.</summary>
public sealed record ObservedVeth(int NodeIndex, bool HasAltName, int NodeMtu, int RouterMtu, bool IsNodeEndUp, bool IsRouterEndUp)
{
    /// <summary>Whether the node's end does not carry the mark by which its agent knows it again.</summary>
    public bool IsUnmarked { get; init; }
}
