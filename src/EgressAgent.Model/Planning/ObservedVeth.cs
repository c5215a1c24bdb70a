namespace EgressAgent.Model.Planning;

/// <summary>Both ends of a router's veth pair, as they are.</summary>
public sealed record ObservedVeth(int NodeIndex, bool HasAltName, int NodeMtu, int RouterMtu, bool IsNodeEndUp, bool IsRouterEndUp);
