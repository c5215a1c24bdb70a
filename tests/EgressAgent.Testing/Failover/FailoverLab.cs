using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>
/// Three nodes of a cluster on one LAN with three members of Debian's etcd, a client, and the partner to whom the router <c>default/web</c>
/// leads. The client reaches it at <see cref="Address"/>, whose MAC it has for good. All that the nodes send is watched.
/// </summary>
public sealed class FailoverLab : IDisposable
{
    public const string Address = "192.168.12.99";
    public const int Port = 80;

    /// <summary>For how long a node may speak after it last asked for its lease, in nanoseconds: README, fail-over.</summary>
    public const long FenceNanoseconds = 400_000_000;

    /// <summary>Leads to a server that a test runs, at <see cref="StreamTarget"/> of the partner.</summary>
    public const int StreamPort = 81;

    public const int StreamTarget = 90;

    public const string PartnerAddress = "192.168.12.30";
    private const string ClientAddress = "192.168.12.20";
    private const string Prefix = "/egress-agentd/edge/";

    private readonly NetnsLab _lab = new();

    public FailoverLab(int nodes = 3, int members = 3)
    {
        try
        {
            Lan = _lab.AddSegment("lan");
            Store = AddHost("etcd", StoreAddress);
            Client = AddHost("client", ClientAddress);
            Partner = AddHost("partner", PartnerAddress);
            Partner.ServeTcp(PartnerAddress, 80);
            Etcd = _lab.Own(EtcdCluster.Start(members, Store, StoreAddress));
            Senders = _lab.Own(SenderWatch.Start(Lan));
            Nodes = [.. Enumerable.Range(0, nodes).Select(number => _lab.Own(new FailoverNode(this, number)))];
            foreach (FailoverNode node in Nodes)
            {
                node.Start();
            }

            WaitUntilReady();
            Mac = Holder!.Mac;
            Senders.Watch(IPAddress.Parse(Address), Mac);
            Client.Ip($"neigh replace {Address} lladdr {string.Join(':', Mac.GetAddressBytes().Select(octet => octet.ToString("x2", CultureInfo.InvariantCulture)))} dev eth0 nud permanent");
        }
        catch
        {
            _lab.Dispose();
            throw;
        }
    }

    internal const string StoreAddress = "192.168.12.40";

    public LabSegment Lan { get; }

    /// <summary>Where etcd is.</summary>
    public LabHost Store { get; }

    public LabHost Client { get; }

    /// <summary>Also asks for the address again and again, while <see cref="AskForAddress"/> is not disposed of.</summary>
    public LabHost Partner { get; }

    public EtcdCluster Etcd { get; }

    public IReadOnlyList<FailoverNode> Nodes { get; }

    /// <summary>Who has sent by the router's address or MAC, and when.</summary>
    public SenderWatch Senders { get; }

    /// <summary>The router's MAC.</summary>
    public PhysicalAddress Mac { get; }

    /// <summary>The node that holds the router, as etcd has it; null for none.</summary>
    public FailoverNode? Holder => Get($"{Prefix}routers/default.web", "--print-value-only") is var claim && claim.Length > 0
        ? Nodes.FirstOrDefault(node => claim.Contains($"\"{node.Name}\"", StringComparison.Ordinal))
        : null;

    /// <summary>Asks the LAN who has the address, every 20 ms, so that whoever would answer does.</summary>
    public IDisposable AskForAddress() => AddressQuestions.Start(Partner, PartnerAddress, Address);

    /// <summary>Waits until all nodes are members that are alive and one of them holds the router.</summary>
    public void WaitUntilReady() => Eventually.True(
        "all nodes to be ready",
        () => Get($"{Prefix}alive/", "--prefix", "--keys-only").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == Nodes.Count
            && Holder is { IsActive: true } holder && Nodes.All(node => node == holder || node.IsStandby),
        otherwise: () => string.Join('\n', Nodes.Select(node => $"{node}: {node.Status}\n{node.Log}")));

    public void Dispose() => _lab.Dispose();

    internal LabHost AddHost(string name, string address)
    {
        LabHost host = _lab.AddHost(name);
        Lan.Attach(host, "eth0", address + "/24");
        return host;
    }

    internal void RemoveHost(LabHost host) => _lab.RemoveHost(host);

    private string Get(params IReadOnlyList<string> words) => Etcd.Members.Where(member => member.IsRunning)
        .Select(member => member.Control(["get", .. words])).FirstOrDefault(result => result.ExitCode == 0)?.Output ?? "";
}
