namespace EgressAgent.Testing.Lab;

/// <summary>
/// The network of the documented example: a node at 192.168.12.10 whose LAN has the gateway 192.168.12.1, a neighbour at
/// 192.168.12.20, and behind the gateway the destinations 10.0.0.99, 203.0.113.26 and 203.0.113.27. The destinations serve the ports
/// that the example maps to, and say which source they saw.
/// </summary>
public sealed class EgressLab : IDisposable
{
    public const string NodeAddress = "192.168.12.10";
    public const string NeighbourAddress = "192.168.12.20";
    public const string GatewayAddress = "192.168.12.1";
    public const string ReservedAddress = "192.168.12.99";

    /// <summary>Where clients reach the documented example, which pins it.</summary>
    public const string InsideAddress = "198.18.0.2";

    /// <summary>At the gateway, for who uses IPv6.</summary>
    public const string Web6 = "2001:db8:12::26";

    private readonly NetnsLab _lab = new();
    private readonly HashSet<string> _foreignRouters = [.. RouterNamespaces()];

    public EgressLab()
    {
        try
        {
            Lan = _lab.AddSegment("lan");
            Node = AddLanHost("node", NodeAddress);
            Neighbour = AddLanHost("neighbour", NeighbourAddress);
            Client = _lab.AddHost("client");
            ConnectClient();
            Gateway = _lab.AddHost("gateway");
            Lan.Attach(Gateway, "lan", GatewayAddress + "/24");
            Gateway.EnableForwarding();
            Mainframe = AddDestination("10.0.0.99", "10.0.0.1");
            Web = AddDestination("203.0.113.26", "203.0.113.1");
            SecureWeb = AddDestination("203.0.113.27", "203.0.113.1");
            Mainframe.ServeUdp("10.0.0.99", 80);

            // One whose queue is full refuses some of those that it has answered.
            Web.Check("sh", "-c", "echo 65535 >/proc/sys/net/core/somaxconn");
            Web.ServeTcp("203.0.113.26", 80);
            SecureWeb.ServeTcp("203.0.113.27", 443);
        }
        catch
        {
            _lab.Dispose();
            throw;
        }
    }

    public LabSegment Lan { get; }

    /// <summary>Where the agent runs; its link to the LAN is <c>eth0</c>.</summary>
    public LabHost Node { get; private set; }

    /// <summary>Behind the node, as a container is: 10.88.0.2, with the node as its gateway.</summary>
    public LabHost Client { get; }

    /// <summary>Another machine on the LAN, of no business with the router.</summary>
    public LabHost Neighbour { get; }

    public LabHost Gateway { get; }

    /// <summary>10.0.0.99, serving 80/UDP.</summary>
    public LabHost Mainframe { get; }

    /// <summary>203.0.113.26, serving 80/TCP.</summary>
    public LabHost Web { get; }

    /// <summary>203.0.113.27, serving 443/TCP.</summary>
    public LabHost SecureWeb { get; }

    /// <summary>Gives the LAN 2001:db8:12::/64, with the node at ::10, the neighbour at ::20, and 80/TCP and 53/UDP of <see cref="Web6"/>.</summary>
    public void UseIPv6()
    {
        Node.AddAddress("eth0", "2001:db8:12::10/64");
        Neighbour.AddAddress("eth0", "2001:db8:12::20/64");
        Gateway.AddAddress("lan", Web6 + "/64");
        Gateway.ServeTcp(Web6, 80);
        Gateway.ServeUdp(Web6, 53);
    }

    /// <summary>Puts another in the place of the node, with the same cables and addresses, as it is when its power comes back.</summary>
    public void ResetNode()
    {
        // The other end of a cable goes with this one at once, and with the namespace some time after it.
        Lan.Detach(Node);
        Node.Ip("link delete client");
        _lab.RemoveHost(Node);
        Node = AddLanHost("node", NodeAddress);
        ConnectClient();
    }

    /// <summary>Disposes of <paramref name="resource"/> with the lab, before its namespaces go.</summary>
    public T Own<T>(T resource)
        where T : IDisposable => _lab.Own(resource);

    /// <inheritdoc cref="AgentProcess.Start"/>
    public AgentProcess StartAgent(AgentFiles files, KeptDescriptors? kept = null, params IReadOnlyList<string> launcher) =>
        _lab.Own(AgentProcess.Start(Node, files, kept, launcher));

    /// <summary>Ends the agent, and removes the routers that it left, so that the next test begins with none.</summary>
    public void Dispose()
    {
        _lab.Dispose();
        foreach (string router in RouterNamespaces().Except(_foreignRouters))
        {
            Command.Run("ip", "netns", "del", router);
        }
    }

    private static IEnumerable<string> RouterNamespaces() =>
        Directory.Exists("/run/netns") ? Directory.GetFiles("/run/netns", "egress?*").Select(path => Path.GetFileName(path)) : [];

    private LabHost AddLanHost(string name, string address)
    {
        LabHost host = _lab.AddHost(name);
        Lan.Attach(host, "eth0", address + "/24");
        host.Ip($"route add default via {GatewayAddress}");
        return host;
    }

    private void ConnectClient()
    {
        Node.ConnectTo(Client, "client", "eth0");
        Node.AddAddress("client", "10.88.0.1/24");
        Node.EnableForwarding();
        Client.AddAddress("eth0", "10.88.0.2/24");
        Client.Ip("route add default via 10.88.0.1");
    }

    private LabHost AddDestination(string address, string gateway)
    {
        LabHost host = _lab.AddHost("d" + address);
        string port = "to" + address.Replace(".", "");
        Gateway.ConnectTo(host, port, "eth0");
        Gateway.Ip($"address add {gateway} peer {address} dev {port}");
        host.Ip($"address add {address} peer {gateway} dev eth0");
        host.Ip($"route add default via {gateway}");
        return host;
    }
}
