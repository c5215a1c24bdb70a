namespace EgressAgent.Model.Planning;

/// <summary>Whether to ask the network for another holder of an IPv4 address before it is claimed (RFC 5227).</summary>
public enum PriorHolderCheck
{
    Skip,
    Probe,
}
