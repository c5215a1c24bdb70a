using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>
/// A dual-stack network with a running agent. The node is 192.168.12.10 and 2001:db8:12::10 on a LAN with a gateway (.1, ::1) and a
/// neighbour (.20, ::20); behind the gateway is a server with several addresses; behind the node are two clients, one of which has
/// an address of the LAN.
/// </summary>
public sealed partial class DataPathLab : IDisposable
{
    public const string Inside = "198.18.0.2";
    public const string Inside6 = "fd96:e9e5:a::2";
    public const string NodeAddress = "192.168.12.10";
    public const string NodeAddress6 = "2001:db8:12::10";
    public const string Web = "203.0.113.26";
    public const string OtherWeb = "203.0.113.27";
    public const string Web6 = "2001:db8:ff::26";
    public const string OtherWeb6 = "2001:db8:ff::27";
    public const string SctpServerAddress = "203.0.113.132";
    public const string OverlappingAddress = "192.168.12.50";

    private readonly NetnsLab _lab = new();
    private readonly List<string?> _pinned = [];
    private AgentProcess? _agent;
    private LabSegment? _otherLan;

    /// <param name="datapath">That of the agent's routers.</param>
    public DataPathLab(string datapath = "kernel")
    {
        Requires.Agent();
        Files.Configure($"datapath: {datapath}");
        try
        {
            Lan = _lab.AddSegment("lan");
            Node = _lab.AddHost("node");
            Neighbour = _lab.AddHost("neighbour");
            Gateway = _lab.AddHost("gateway");
            Lan.Attach(Node, "eth0", NodeAddress + "/24", NodeAddress6 + "/64");
            Lan.Attach(Neighbour, "eth0", "192.168.12.20/24", "2001:db8:12::20/64");
            Lan.Attach(Gateway, "lan", "192.168.12.1/24", "2001:db8:12::1/64");
            foreach (LabHost host in (LabHost[])[Node, Neighbour])
            {
                host.Ip("route add default via 192.168.12.1");
                host.Ip("-6 route add default via 2001:db8:12::1");
            }

            Gateway.EnableForwarding();
            Node.EnableForwarding();
            Server = AddBehind(Gateway, "server", "10.0.0.1/24", "10.0.0.99/24", "2001:db8:aa::1/64", "2001:db8:aa::99/64");
            foreach (string address in (string[])[Web, OtherWeb])
            {
                Server.Ip($"address add {address}/32 dev lo");
                Gateway.Ip($"route add {address} via 10.0.0.99");
            }

            foreach (string address in (string[])[Web6, OtherWeb6])
            {
                Server.Ip($"address add {address}/128 dev lo nodad");
                Gateway.Ip($"-6 route add {address} via 2001:db8:aa::99");
            }

            SctpServer = _lab.AddHost("sctp");
            Gateway.ConnectTo(SctpServer, "sctp", "eth0");
            Gateway.Ip($"address add 203.0.113.1 peer {SctpServerAddress} dev sctp");
            SctpServer.Ip($"address add {SctpServerAddress} peer 203.0.113.1 dev eth0");
            SctpServer.Ip("route add default via 203.0.113.1");

            Client = AddBehind(Node, "client", "10.88.0.1/24", "10.88.0.2/24", "fd88::1/64", "fd88::2/64");
            Overlapping = AddBehind(Node, "overlap", "10.89.0.1/24", "10.89.0.2/24", "fd89::1/64", "fd89::2/64");
            Overlapping.Ip($"address add {OverlappingAddress}/32 dev lo");
            Node.Ip($"route add {OverlappingAddress} via 10.89.0.2");
        }
        catch
        {
            _lab.Dispose();
            throw;
        }
    }

    public LabSegment Lan { get; }

    /// <summary>
    /// Another LAN of the node, on its eth1 (192.168.13.10, 2001:db8:13::10), with the same gateway at .1 and ::1. The node's
    /// default routes are not there. Made when it is first asked for.
    /// </summary>
    public LabSegment OtherLan => _otherLan ??= AttachOtherLan("other", "eth1", 13);

    public LabHost Node { get; }

    /// <summary>Another machine on the LAN.</summary>
    public LabHost Neighbour { get; }

    public LabHost Gateway { get; }

    /// <summary>Has <see cref="Web"/>, <see cref="OtherWeb"/>, <see cref="Web6"/> and <see cref="OtherWeb6"/>.</summary>
    public LabHost Server { get; }

    /// <summary>Has one address, as NAT of SCTP asks for.</summary>
    public LabHost SctpServer { get; }

    /// <summary>Behind the node, as a container is: 10.88.0.2 and fd88::2.</summary>
    public LabHost Client { get; }

    /// <summary>Behind the node too; has <see cref="OverlappingAddress"/> besides.</summary>
    public LabHost Overlapping { get; }

    public AgentFiles Files { get; } = new();

    /// <summary>Started when it is first asked for, or was ended.</summary>
    public AgentProcess Agent => _agent ??= StartAgent();

    public bool IsAgentRunning => _agent is not null;

    /// <summary>Ends the agent. The routers stay in the kernel, and the next agent takes them over.</summary>
    /// <param name="isKilled">Whether by SIGKILL.</param>
    /// <returns>What it printed.</returns>
    public string EndAgent(bool isKilled)
    {
        using AgentProcess agent = Agent;
        _agent = null;
        if (isKilled)
        {
            agent.Kill();
        }
        else if (agent.Stop() is var exitCode and not 0)
        {
            throw new InvalidOperationException($"The agent ended with exit code {exitCode}.\n{agent.Log}");
        }

        return agent.Log;
    }

    /// <summary>Ends the agent, and starts another by a program that becomes it, such as env(1), with its options.</summary>
    public AgentProcess RestartAgent(params IReadOnlyList<string> launcher)
    {
        EndAgent(isKilled: false);
        return _agent = StartAgent(launcher);
    }

    /// <summary>Writes a router file. The first router is pinned to <see cref="Inside"/> and <see cref="Inside6"/>, the next to what follows.</summary>
    public void Write(string name, string spec, string annotations = "")
    {
        _ = Agent;
        string pins = string.Join(", ", ReservedAddress().Matches(spec)
            .Select(match => match.Value.Contains(':') ? $"fd96:e9e5:a::{2 + PinOf(name):x}" : $"198.18.0.{2 + PinOf(name)}").Distinct());
        string pinned = pins.Length == 0 ? annotations : $"egressagent.org/inside-address: \"{pins}\", {annotations}";
        if (spec.Contains("Passthru", StringComparison.Ordinal))
        {
            // Each interface of the node has addresses of its own.
            pinned = $"egressagent.org/passthru-takes-the-node: \"true\", {pinned}";
        }

        Files.Replace($"{name}.yaml", $$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: {{name}}, annotations: { {{pinned}} } }
            spec: { {{spec.ReplaceLineEndings(" ")}} }
            """);
    }

    /// <summary>Writes a router file, and waits until what it says is in force.</summary>
    /// <param name="name">The router's name.</param>
    /// <param name="spec">The fields of <c>spec</c>, as a flow mapping without its braces.</param>
    /// <param name="annotations">The annotations, likewise.</param>
    public ObservedRouter Apply(string name, string spec, string annotations = "")
    {
        int before = Agent.Log.Length;
        string fault = $"ERR {Files.RouterFile(name)}.yaml:";
        Write(name, spec, annotations);
        Eventually.True($"{name} to be in force", () => IsInForce(name, Agent.Log.AsSpan(before), fault), otherwise: () => Agent.Log);
        return new ObservedRouter(name);
    }

    /// <summary>Writes a router file, and waits until the agent's log says <paramref name="words"/> of it, again if it did before.</summary>
    public ObservedRouter ApplyUntil(string name, string words, string spec)
    {
        int before = CountInLog(words);
        Write(name, spec);
        Eventually.True($"'{words}' of {name}", () => CountInLog(words) > before, otherwise: () => Agent.Log);
        return new ObservedRouter(name);
    }

    /// <summary>Writes any other file, and waits until the agent's log says <paramref name="words"/>, again if it did before.</summary>
    public void WriteUntil(string file, string text, string words)
    {
        int before = CountInLog(words);
        Files.Replace(file, text);
        Eventually.True($"'{words}'", () => CountInLog(words) > before, otherwise: () => Agent.Log);
    }

    public int CountInLog(string words) => Agent.Log.Split(words).Length - 1;

    /// <summary>Removes a router's file, and waits until nothing is left of it and its inside addresses are free again.</summary>
    public void Remove(string name)
    {
        int before = CountInLog($"default/{name}: removed");
        bool isThere = new ObservedRouter(name).Exists;
        Files.Delete($"{name}.yaml");
        _pinned[PinOf(name)] = null;
        Eventually.True($"{name} to be gone", () => !isThere || CountInLog($"default/{name}: removed") > before, otherwise: () => Agent.Log);
    }

    /// <summary>Removes all routers and Services, for the next test.</summary>
    public void Reset()
    {
        foreach (string file in Directory.GetFiles(Files.Routers).Where(file => Path.GetFileName(file) != "none.yaml"))
        {
            Remove(Path.GetFileNameWithoutExtension(file));
        }

        Eventually.True("the Services to be gone", () => !File.Exists("/run/netns/egress-services"), otherwise: () => Agent.Log);
    }

    /// <summary>Adds a LAN to the running lab.</summary>
    public LabSegment AddSegment(string name) => _lab.AddSegment(name);

    /// <summary>
    /// Adds a LAN with the gateway, and with the node on its interface <paramref name="link"/>; <paramref name="number"/> is the third byte
    /// of its addresses.
    /// </summary>
    public LabSegment AttachOtherLan(string name, string link, int number)
    {
        LabSegment lan = AddSegment(name);
        lan.Attach(Node, link, $"192.168.{number}.10/24", $"2001:db8:{number}::10/64");
        lan.Attach(Gateway, name, $"192.168.{number}.1/24", $"2001:db8:{number}::1/64");
        return lan;
    }

    /// <summary>Adds a host to the running lab.</summary>
    public LabHost AddHost(string name) => _lab.AddHost(name);

    public void Dispose()
    {
        if (_agent is not null)
        {
            Reset();
            _agent.Dispose();
        }

        _lab.Dispose();
        Files.Dispose();
    }

    private AgentProcess StartAgent(params IReadOnlyList<string> launcher)
    {
        Files.WriteNone();
        return AgentProcess.Start(Node, Files, launcher: launcher);
    }

    private int PinOf(string name)
    {
        int known = _pinned.IndexOf(name);
        int free = known >= 0 ? known : _pinned.IndexOf(null);
        if (free < 0)
        {
            free = _pinned.Count;
            _pinned.Add(null);
        }

        _pinned[free] = name;
        return free;
    }

    [GeneratedRegex("(?<=\\bip: *\"?)[0-9a-f.:]+")]
    private static partial Regex ReservedAddress();

    // A router may come in force again for another reason, such as a setting of the node, just before the file is read.
    private static bool IsInForce(string name, ReadOnlySpan<char> log, string fault)
    {
        if (log.Contains(fault, StringComparison.Ordinal))
        {
            throw new InvalidOperationException(log.ToString());
        }

        int accepted = log.IndexOf($"default/{name}: generation ");
        return accepted >= 0 && Regex.IsMatch(log[accepted..], $@"default/{name}: in force, \d");
    }

    private LabHost AddBehind(LabHost near, string name, string nearAddress, string address, string nearAddress6, string address6)
    {
        LabHost host = _lab.AddHost(name);
        near.ConnectTo(host, name, "eth0");
        near.AddAddress(name, nearAddress);
        near.AddAddress(name, nearAddress6);
        host.AddAddress("eth0", address);
        host.AddAddress("eth0", address6);
        host.Ip($"route add default via {nearAddress.Split('/')[0]}");
        host.Ip($"-6 route add default via {nearAddress6.Split('/')[0]}");
        return host;
    }
}
