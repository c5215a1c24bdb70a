using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>Debian's dnsmasq on the loopback of a host, with the agent's names and nothing else, and the programs there that ask it.</summary>
public sealed class NameServer
{
    private readonly LabHost _host;
    private readonly string _configuration;

    private NameServer(LabHost host, string configuration)
    {
        _host = host;
        _configuration = configuration;
    }

    /// <summary>Starts it and waits until it answers. It ends with the lab.</summary>
    /// <param name="host">Where it runs.</param>
    /// <param name="files">The agent's, of which it serves the names.</param>
    public static NameServer Start(LabHost host, AgentFiles files)
    {
        string directory = Path.Combine(files.Runtime, "hosts.d");
        Directory.CreateDirectory(directory);
        string configuration = Path.Combine(files.Runtime, "resolv.conf");
        File.WriteAllText(configuration, "nameserver 127.0.0.1\n");
        host.Start(
            "dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--bind-interfaces", "--listen-address=127.0.0.1", $"--hostsdir={directory}");
        NameServer server = new(host, configuration);
        Eventually.True("dnsmasq", () => server.Resolve("nobody.example") == "");
        return server;
    }

    /// <summary>The first IPv4 address of a name; empty when there is none, null when nobody answers.</summary>
    public string? Resolve(string name)
    {
        using Socket socket = _host.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveTimeout = 500;
        byte[] labels = [.. name.Split('.').SelectMany(label => Encoding.ASCII.GetBytes(label).Prepend((byte)label.Length)), 0];
        try
        {
            socket.Connect(IPAddress.Loopback, 53);
            socket.Send([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. labels, 0, 1, 0, 1]);
            byte[] reply = new byte[512];
            int length = socket.Receive(reply);
            return BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(6)) == 0 ? "" : new IPAddress(reply.AsSpan(length - 4, 4)).ToString();
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Runs a program on the host that asks this server for names, to its end.</summary>
    public CommandResult Run(params IReadOnlyList<string> words) => _host.Run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"", _configuration, .. words]);
}
