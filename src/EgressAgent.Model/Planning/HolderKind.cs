namespace EgressAgent.Model.Planning;

/// <summary>What is known of another host that has a router's address.</summary>
public enum HolderKind
{
    /// <summary>Nothing but its MAC.</summary>
    Unknown,

    /// <summary>It has the router's own MAC too.</summary>
    Copy,

    /// <summary>It is the router's gateway.</summary>
    Gateway,
}

/// <summary>What to say of a <see cref="HolderKind"/>.</summary>
public static class HolderKinds
{
    /// <summary>Goes on after the holder's MAC: what it means, and what would help. Empty where nothing is known.</summary>
    public static string Explain(HolderKind kind) => kind switch
    {
        HolderKind.Copy => ", which has this router's own MAC: a copy of this node, with the same machine-id, has the same router; "
            + "give the copy a machine-id of its own (there: rm /etc/machine-id; systemd-machine-id-setup; systemctl restart egress-agentd), "
            + "or one of the two routers another address and an annotation egressagent.org/mac-address",
        HolderKind.Gateway => ", and that is the gateway: either it has the address itself, or it answers ARP for every address (proxy ARP); "
            + "switch proxy ARP off there (on Linux: sysctl net.ipv4.conf.INTERFACE.proxy_arp=0), or set addressConflictDetection: false in "
            + "/etc/egress-agentd/agentd.yaml and restart the agent",
        _ => "",
    };
}
