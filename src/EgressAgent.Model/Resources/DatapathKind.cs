namespace EgressAgent.Model.Resources;

/// <summary>Who moves the packets: the kernel (nf_tables NAT) or the agent (sockets).</summary>
public enum DatapathKind
{
    Kernel,
    Relay,
}
