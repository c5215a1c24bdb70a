using EgressAgent.Model;

namespace EgressAgent.Engine.Kernel;

/// <summary>A netns under the name of a router that is not this agent's.</summary>
/// <param name="Router">Whose name it has.</param>
/// <param name="Why">Whose it is as far as can be told, and what to do about it.</param>
/// <param name="IsOfAgent">Whether it is another agent's.</param>
public sealed record ForeignNetns(RouterKey Router, string Why, bool IsOfAgent);
