using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model.Planning;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>
/// The lab in the kernel of this machine: the node is a namespace, its interface a veth end whose other end stays in there too.
/// Built and changed with iproute2, which takes no part in the code under test.
/// </summary>
internal sealed class LinuxKernelLab : KernelLab
{
    private readonly ScratchNamespace _node = ScratchNamespace.Create();

    public LinuxKernelLab()
    {
        AddNodeLink(Master);
        AddAddress(NetworkSide.Node, Master, "192.168.12.10/24");
        AddAddress(NetworkSide.Node, Master, "2001:db8:12::10/64");
        AddRoute(NetworkSide.Node, "0.0.0.0/0", "192.168.12.1", Master, metric: 0);
        AddRoute(NetworkSide.Node, "::/0", "2001:db8:12::1", Master, metric: 1024);
        Kernel = OpenKernel();
    }

    public override IKernel Kernel { get; }

    /// <summary>Another one, as an agent opens it.</summary>
    /// <param name="stateDirectory">Whose it is.</param>
    public LinuxKernel OpenKernel(string stateDirectory = "/nonexistent") => _node.Namespace.Run(() => new LinuxKernel(AgentOwner.Of(stateDirectory)));

    public override IEnumerable<string> NodeState() =>
    [
        .. Lines("ip", "-n", _node.Name, "-o", "link").Select(line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]),
        .. Lines("ip", "-n", _node.Name, "route").Where(IsOfTheNode),

        // Link-local addresses come by themselves, some time after the link.
        .. Lines("ip", "-n", _node.Name, "-6", "route").Where(line => IsOfTheNode(line) && !line.StartsWith("fe80", StringComparison.Ordinal)),
    ];

    public override void AddNodeLink(string name)
    {
        Ip(_node.Name, $"link add {name} type veth peer name p-{name}");
        Ip(_node.Name, $"link set {name} up");
        Ip(_node.Name, $"link set p-{name} up");
    }

    public override void DeleteNetns() => Command.Check("ip", "netns", "delete", RouterNames.Netns(Key));

    public override void DeleteLink(NetworkSide side, string link) => Ip(NetnsOf(side), $"link delete {link}");

    public override void SetLink(NetworkSide side, string link, bool up) => Ip(NetnsOf(side), $"link set {link} {(up ? "up" : "down")}");

    public override void DeleteFence() => Command.Check("tc", "-n", NetnsOf(NetworkSide.Router), "qdisc", "delete", "dev", "net1", "clsact");

    public override void SetMtu(NetworkSide side, string link, int mtu) => Ip(NetnsOf(side), $"link set {link} mtu {mtu}");

    public override void SetGroup(NetworkSide side, string link, uint group) => Ip(NetnsOf(side), $"link set {link} group {group}");

    public override void AddAddress(NetworkSide side, string link, string address) =>
        Ip(NetnsOf(side), $"address add {address} dev {link}{(address.Contains(':') ? " nodad" : "")}");

    public override void DeleteAddress(NetworkSide side, string link, string address) =>
        Ip(NetnsOf(side), $"address delete {address} dev {link}");

    public override void AddRoute(NetworkSide side, string destination, string gateway, string link, int metric) =>
        Ip(NetnsOf(side), $"{Family(destination)}route add {destination} via {gateway} dev {link} proto static metric {metric}");

    public override void DeleteRoute(RouteEntry route) => Ip(
        NetnsOf(route.Side),
        $"{Family(route.Destination.ToString())}route delete {route.Destination} dev {route.Link} table {route.Table}");

    public override void AddRule(int priority, int table) => Ip(NetnsOf(NetworkSide.Router), $"rule add priority {priority} lookup {table}");

    public override void DeleteRule(RuleEntry rule) => Ip(
        NetnsOf(NetworkSide.Router),
        $"{(rule.Family == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "-6 " : "-4 ")}rule delete priority {rule.Priority}");

    public override void SetSysctl(string key, string value) =>
        Command.Check("nsenter", $"--net={NetworkNamespace.PathOf(NetnsOf(NetworkSide.Router))}", "sh", "-c", $"echo {value} >/proc/sys/{key}");

    public override void TouchRedirect() => Command.Check(
        "nsenter", $"--net={NetworkNamespace.PathOf(NetnsOf(NetworkSide.Router))}", "nft", "flush chain inet egress_agent guard");

    public override void Dispose()
    {
        Kernel.Dispose();
        NetworkNamespace.Delete(RouterNames.Netns(Key));
        _node.Dispose();
    }

    private string NetnsOf(NetworkSide side) => side == NetworkSide.Node ? _node.Name : RouterNames.Netns(Key);

    private static string Family(string destination) => destination.Contains(':') ? "-6 " : "-4 ";

    private static void Ip(string netns, string arguments) => Command.Check(["ip", "-n", netns, .. arguments.Split(' ')]);

    private static string[] Lines(params string[] words) => Command.Check(words).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // Inside networks are held as long as the agent is installed, router or not.
    private static bool IsOfTheNode(string route) => !route.StartsWith("unreachable", StringComparison.Ordinal);
}
