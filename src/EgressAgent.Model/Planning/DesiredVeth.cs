namespace EgressAgent.Model.Planning;

/// <summary>The cable between the node and a router's netns; its inner end is <see cref="RouterNames.InsideLink"/>.</summary>
/// <param name="NodeLink">The name of the outer end.</param>
/// <param name="AltName">The alternative name of the outer end.</param>
/// <param name="Mtu">Of both ends, bytes.</param>
public sealed record DesiredVeth(string NodeLink, string AltName, int Mtu);
