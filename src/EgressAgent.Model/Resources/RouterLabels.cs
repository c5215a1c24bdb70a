using System.Collections.Immutable;

namespace EgressAgent.Model.Resources;

/// <summary>The label that every router carries, so that services written for OpenShift select it.</summary>
internal static class RouterLabels
{
    public const string AppKey = "app";
    public const string AppValue = "egress-router-cni";

    public static readonly ImmutableSortedDictionary<string, string> Default =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add(AppKey, AppValue);
}
