using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Testing.Lab.Interop;

namespace EgressAgent.Testing.Lab;

/// <summary>One host of a lab: a network namespace that programs and sockets can be started in.</summary>
public sealed partial class LabHost
{
    private readonly NetnsLab _lab;

    internal LabHost(NetnsLab lab, string name)
        : this(lab, name, $"{lab.Id}-{name}")
    {
    }

    private LabHost(NetnsLab lab, string name, string @namespace)
    {
        _lab = lab;
        Name = name;
        Namespace = @namespace;
    }

    /// <summary>The name in the test: <c>node</c>.</summary>
    public string Name { get; }

    /// <summary>The name on the machine, as <c>ip netns</c> shows it.</summary>
    public string Namespace { get; }

    /// <summary>The file that holds the namespace.</summary>
    public string NamespacePath => Path.Combine("/run/netns", Namespace);

    /// <summary>The namespace of a router as a host, in which processes are as those that root puts there.</summary>
    public LabHost In(ObservedRouter router) => new(_lab, router.NetworkNamespace, router.NetworkNamespace);

    /// <summary>A network namespace that has no name, a container's, as a host for sockets.</summary>
    /// <param name="namespacePath">Its file in some /proc.</param>
    public LabHost In(string namespacePath) => new(_lab, namespacePath, namespacePath);

    /// <summary>Runs <c>ip</c> on this host with arguments as one types them, and hands back its output.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds what it said.</exception>
    public string Ip(string arguments) => Command.Check(["ip", "-n", Namespace, .. Words(arguments)]);

    /// <summary>Runs several <c>ip</c> commands, one right after the other, in one process.</summary>
    /// <exception cref="InvalidOperationException">One failed; the message holds what it said.</exception>
    public void IpBatch(params IReadOnlyList<string> commands) =>
        Check("sh", "-c", $"ip -batch - <<'END'\n{string.Join('\n', commands)}\nEND");

    /// <summary>
    /// Adds an address in CIDR form. IPv6 addresses are usable at once (no duplicate address detection); IPv4 addresses have a broadcast
    /// address where the subnet has one, as those that a manager of links adds.
    /// </summary>
    public void AddAddress(string link, string address)
    {
        // systemd-networkd 252 asks for one that is there and has none 65,535 times, and its socket, which systemd keeps, fills.
        bool hasBroadcast = int.Parse(address[(address.IndexOf('/') + 1)..]) < 31;
        Ip($"address add {address} dev {link}{(address.Contains(':') ? " nodad" : hasBroadcast ? " brd +" : "")}");
    }

    /// <summary>Lays a veth cable from this host to <paramref name="other"/>. Both ends come up without addresses.</summary>
    public void ConnectTo(LabHost other, string link, string otherLink)
    {
        Ip($"link add {link} type veth peer name {otherLink} netns {other.Namespace}");
        BringUp(link);
        other.BringUp(otherLink);
    }

    /// <summary>
    /// Brings a link up. Its link-local address is usable at once, too: while it is still tentative, a host cannot ask for the MAC of
    /// a neighbour that it forwards IPv6 packets to.
    /// </summary>
    public void BringUp(string link) => Check("sh", "-c", $"echo 0 >/proc/sys/net/ipv6/conf/{link}/accept_dad; ip link set {link} up");

    /// <summary>Records, from now on, every frame that enters or leaves by <paramref name="link"/> of this host.</summary>
    public PacketCapture Capture(string link) => _lab.Own(PacketCapture.Start(this, link));

    /// <summary>As <see cref="Capture"/>, without what this host sends.</summary>
    public PacketCapture CaptureIncoming(string link) => _lab.Own(PacketCapture.Start(this, link, isIncomingOnly: true));

    /// <summary>As <see cref="Capture"/>, for all its links. The caller disposes of it.</summary>
    public PacketCapture CaptureAll() => PacketCapture.Start(this, link: null);

    /// <summary>Opens <paramref name="link"/> for whole frames.</summary>
    public FrameSender SendFrames(string link) => FrameSender.Open(this, link);

    /// <summary>The MAC of a link.</summary>
    public PhysicalAddress MacOf(string link) =>
        PhysicalAddress.Parse(Ip($"-oneline link show dev {link}").Split("link/ether ")[1].Split(' ')[0]);

    /// <summary>The MACs of all links but loopback.</summary>
    public IReadOnlyList<PhysicalAddress> Macs() =>
        [.. Ip("-oneline link show").Split("link/ether ").Skip(1).Select(rest => PhysicalAddress.Parse(rest.Split(' ')[0]))];

    internal int LinkIndex(string link) => int.Parse(Ip($"-oneline link show dev {link}").Split(':')[0], CultureInfo.InvariantCulture);

    /// <summary>Lets the host forward packets of both families, as a router does.</summary>
    public void EnableForwarding() =>
        Check("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");

    /// <summary>Runs a program on this host to its end. It sees the machine's files and mounts.</summary>
    public CommandResult Run(params IReadOnlyList<string> words) => Command.Run([.. EnterWords, .. words]);

    /// <summary>As <see cref="Run"/>, and hands back its output.</summary>
    /// <exception cref="InvalidOperationException">It exited with anything but 0.</exception>
    public string Check(params IReadOnlyList<string> words) => Command.Check([.. EnterWords, .. words]);

    /// <summary>Starts a program on this host with its standard streams piped. It is killed, at the latest, with the lab.</summary>
    public Process Start(params IReadOnlyList<string> words) => _lab.Start([.. EnterWords, .. words]);

    /// <summary>A socket that belongs to this host and may be used from anywhere.</summary>
    /// <param name="family">The address family.</param>
    /// <param name="type">The socket type.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="setUp">Bind, listen and the like: synchronous calls only, they run inside the namespace.</param>
    public Socket CreateSocket(AddressFamily family, SocketType type, ProtocolType protocol, Action<Socket>? setUp = null) =>
        NamespaceEntry.Run(NamespacePath, () =>
        {
            Socket socket = new(family, type, protocol);
            try
            {
                setUp?.Invoke(socket);
                return socket;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        });

    /// <summary>A raw IPv4 socket for any protocol number (raw(7)); .NET itself knows a few protocols only.</summary>
    public Socket CreateRawSocket(int protocol, AddressFamily family = AddressFamily.InterNetwork) => NamespaceEntry.Run(NamespacePath, () =>
    {
        int descriptor = LabLibC.socket(family == AddressFamily.InterNetwork ? LabLibC.AF_INET : LabLibC.AF_INET6, LabLibC.SOCK_RAW | LabLibC.SOCK_CLOEXEC, protocol);
        return descriptor >= 0
            ? new Socket(new SafeSocketHandle(descriptor, ownsHandle: true))
            : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"raw socket of protocol {protocol}");
    });

    /// <summary>Serves TCP on <paramref name="port"/> of <paramref name="address"/> until the lab ends: see <see cref="EchoServer"/>.</summary>
    public EchoServer ServeTcp(string address, int port) => _lab.Own(EchoServer.StartTcp(this, new(IPAddress.Parse(address), port)));

    /// <summary>Serves UDP on <paramref name="port"/> of <paramref name="address"/> until the lab ends: see <see cref="EchoServer"/>.</summary>
    public EchoServer ServeUdp(string address, int port) => _lab.Own(EchoServer.StartUdp(this, new(IPAddress.Parse(address), port)));

    /// <summary>Serves HTTPS until the lab ends: see <see cref="TlsServer"/>.</summary>
    /// <param name="address">Where.</param>
    /// <param name="port">The port there.</param>
    /// <param name="name">For which its certificate is.</param>
    public TlsServer ServeTls(string address, int port, string name) => _lab.Own(TlsServer.Start(this, new(IPAddress.Parse(address), port), name));

    public override string ToString() => Name;

    // Not `ip netns exec`: that makes a private mount namespace, where an agent's netns mounts would be seen by nobody.
    internal IReadOnlyList<string> EnterWords => ["nsenter", "--net=" + NamespacePath, "--"];

    internal static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
