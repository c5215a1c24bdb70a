using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>A step that a router took, successfully.</summary>
public sealed record AppliedStep(RouterKey Router, RouterStep Step)
{
    public override string ToString() => $"{Router}: {Step}";
}
