using System.Diagnostics;
using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>Two nodes of a LAN, each with an agent and Debian's keepalived, which runs by the example of the package.</summary>
public sealed class KeepalivedTests : IDisposable
{
    private const string Program = "/usr/sbin/keepalived";

    private readonly EgressLab _lab;
    private readonly FailoverNode _a;
    private readonly FailoverNode _b;

    public KeepalivedTests()
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Assert.SkipUnless(File.Exists(Program), "needs keepalived(8)");
        Assert.SkipUnless(File.Exists(Repository.ControlBinary), $"needs the native egressctl at {Repository.ControlBinary}: run packaging/build");
        _lab = new EgressLab();
        _a = new FailoverNode(_lab, _lab.Node, "a", priority: 101);
        _b = new FailoverNode(_lab, _lab.Neighbour, "b", priority: 100);
    }

    public void Dispose()
    {
        _lab.Dispose();
        _a.Dispose();
        _b.Dispose();
    }

    [Fact]
    public void Router_moves_with_the_master_also_from_a_node_whose_agent_is_dead()
    {
        _a.StartAgent();
        _b.StartAgent();
        using PacketCapture capture = _lab.Lan.Capture(_lab.Gateway);

        _a.StartKeepalived();
        WaitForHolder(_a, other: _b);

        // Later, since of two that start at once the one that is heard first stays.
        _b.StartKeepalived();
        _a.StopKeepalived();
        WaitForHolder(_b, other: _a);
        _a.StartKeepalived();

        _b.Agent.Kill();
        Assert.Equal(ProbeOutcome.Answered, _lab.Gateway.Ping(EgressLab.ReservedAddress).Outcome);
        WaitForHolder(_a, other: _b);

        // One at a time, to whom the LAN listens at once.
        PhysicalAddress[] speakers = [.. capture.Packets.Where(packet => $"{packet.Source}" == EgressLab.ReservedAddress).Select(packet => packet.SourceMac)];
        PhysicalAddress[] holders = [.. speakers.Where((speaker, place) => place == 0 || !speaker.Equals(speakers[place - 1]))];
        Assert.Equal([_a.Mac, _b.Mac, _a.Mac], holders);
        _b.StartAgent();
        Assert.Equal("s \"standby\"", _b.State);
    }

    private void WaitForHolder(FailoverNode node, FailoverNode other)
    {
        Eventually.True($"{node} to hold the router", () => node.State == "s \"active\"", otherwise: () => $"{node.Log}\n{other.Log}");
        Assert.Equal(EgressLab.ReservedAddress, node.Probe().SeenSource);
        Assert.Equal(ProbeOutcome.Answered, _lab.Gateway.Ping(EgressLab.ReservedAddress).Outcome);
        Assert.Contains(node.MacText, _lab.Gateway.Ip($"neighbour show {EgressLab.ReservedAddress}"));
        Assert.False(other.IsUp, $"net1 of {other} is up\n{other.Log}");
    }

    private sealed class FailoverNode : IDisposable
    {
        private readonly EgressLab _lab;
        private readonly LabHost _host;
        private readonly string _name;
        private readonly PrivateBus _daemon = PrivateBus.Start();
        private readonly Busctl _busctl;
        private readonly AgentFiles _files = new();
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-keepalived-");
        private readonly ObservedRouter _router;
        private readonly List<string> _said = [];
        private Process? _keepalived;

        // The machine has one directory of names for both nodes, so the routers have one each.
        internal FailoverNode(EgressLab lab, LabHost host, string name, int priority)
        {
            (_lab, _host, _name) = (lab, host, name);
            _busctl = new Busctl(_daemon.Address);
            _router = new ObservedRouter(name);
            _files.Bus = _daemon.Address;
            _files.Write("router.yaml", $"{RouterDocument.Web(name) with { Failover = "manual" }}");
            File.WriteAllText(ConfigurationFile, File.ReadAllText(Repository.PathOf("packaging/failover/keepalived.conf"))
                .Replace("/usr/bin/egressctl", Repository.ControlBinary)
                .Replace("default/web", $"default/{name}")
                .Replace("priority 100", $"priority {priority}"));
        }

        internal AgentProcess Agent { get; private set; } = null!;

        internal string State => Property("State");

        internal string MacText { get; private set; } = "";

        internal PhysicalAddress Mac => PhysicalAddress.Parse(MacText.Replace(':', '-').ToUpperInvariant());

        internal bool IsUp => _router.Ip("link show dev net1").Contains("UP");

        internal string Log
        {
            get
            {
                lock (_said)
                {
                    return $"{this}:\n{string.Join('\n', _said)}\n{Agent.Log}";
                }
            }
        }

        private string ConfigurationFile => Path.Combine(_directory.FullName, "keepalived.conf");

        public override string ToString() => _name;

        public void Dispose()
        {
            _keepalived?.Dispose();
            _daemon.Dispose();
            _files.Dispose();
            _directory.Delete(recursive: true);
        }

        internal void StartAgent()
        {
            Agent = _lab.Own(AgentProcess.Start(_host, _files));
            Eventually.True($"{_name} on the bus", () => State == "s \"standby\"", otherwise: () => Agent.Log);
            MacText = Property("MacAddress").Split('"')[1];
        }

        internal void StartKeepalived()
        {
            _keepalived = _host.Start(
            [
                "env", $"DBUS_SYSTEM_BUS_ADDRESS={_daemon.Address}", Program, "--dont-fork", "--log-console", "--vrrp",
                "--use-file", ConfigurationFile, "--pid", Path.Combine(_directory.FullName, "pid"), "--vrrp_pid", Path.Combine(_directory.FullName, "vrrp"),
            ]);
            _keepalived.OutputDataReceived += (_, line) => Say(line.Data);
            _keepalived.ErrorDataReceived += (_, line) => Say(line.Data);
            _keepalived.BeginOutputReadLine();
            _keepalived.BeginErrorReadLine();
        }

        internal void StopKeepalived()
        {
            Command.Check("kill", $"{_keepalived!.Id}");
            _keepalived.WaitForExit();
        }

        internal ProbeResult Probe() => _host.ProbeTcp(_router.InsideAddress!, 8080);

        private string Property(string name) => _busctl.Run(
            "get-property", "org.egressagent.Agent1", $"/org/egressagent/Agent1/router/default/{_name}", "org.egressagent.Agent1.Router", name).Output.TrimEnd('\n');

        private void Say(string? line)
        {
            lock (_said)
            {
                _said.Add(line ?? "");
            }
        }
    }
}
