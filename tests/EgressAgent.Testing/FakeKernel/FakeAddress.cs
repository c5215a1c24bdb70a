using EgressAgent.Model.Addressing;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>An address on a link.</summary>
/// <param name="Address">The address and its prefix length.</param>
/// <param name="IsDuplicate">Whether duplicate address detection found another holder (IFA_F_DADFAILED).</param>
/// <param name="IsMarked">Whether the agent put it there.</param>
public sealed record FakeAddress(InterfaceAddress Address, bool IsDuplicate = false, bool IsMarked = false);
