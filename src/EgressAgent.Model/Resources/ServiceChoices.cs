using System.Net.Sockets;

namespace EgressAgent.Model.Resources;

/// <summary>How the enumerations of a Service are spelt in its file.</summary>
internal static class ServiceChoices
{
    public static readonly Choices<AddressFamily> Families = new(("IPv4", AddressFamily.InterNetwork), ("IPv6", AddressFamily.InterNetworkV6));

    public static readonly Choices<FamilyPolicy> FamilyPolicies = new(
        ("SingleStack", FamilyPolicy.SingleStack),
        ("PreferDualStack", FamilyPolicy.PreferDualStack),
        ("RequireDualStack", FamilyPolicy.RequireDualStack));

    /// <summary>Whether a client stays with its router.</summary>
    public static readonly Choices<bool> Affinities = new(("None", false), ("ClientIP", true));
}
