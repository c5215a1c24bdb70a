namespace EgressAgent.Model.Resources;

/// <summary>The annotations in which a Service carries the agent's own settings.</summary>
internal static class ServiceAnnotations
{
    public const string HostNames = RouterAnnotations.Prefix + "hostnames";

    public static readonly ValueList<string> All = [HostNames];
}
