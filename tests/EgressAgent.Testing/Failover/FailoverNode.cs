using System.Diagnostics;
using System.Net.NetworkInformation;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>One node of a <see cref="FailoverLab"/>: an agent with files of its own, and a directory of network namespaces that outlives it.</summary>
public sealed class FailoverNode : IDisposable
{
    private readonly FailoverLab _lab;
    private readonly AgentFiles _files = new();
    private readonly string _address;
    private LabHost? _host;
    private Process? _mounts;
    private AgentProcess? _agent;

    internal FailoverNode(FailoverLab lab, int number)
    {
        (_lab, Number, Name, _address) = (lab, number, $"n{number}", $"192.168.12.1{number}");
        string endpoints = string.Join(", ", lab.Etcd.Endpoints.Select(endpoint => $"'{endpoint}'"));
        _files.Configure($"cluster: {{name: edge, node: {Name}, etcd: {{endpoints: [{endpoints}]}}, heartbeat: {{address: {_address}}}}}");
        _files.Write("web.yaml", $$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: web, annotations: { egressagent.org/failover: cluster } }
            spec:
              addresses: [ { ip: {{FailoverLab.Address}}/24, gateway: 192.168.12.30 } ]
              redirect:
                redirectRules:
                - { destinationIP: {{FailoverLab.PartnerAddress}}, port: 8080, targetPort: 80, protocol: TCP }
                - { destinationIP: {{FailoverLab.PartnerAddress}}, port: 8081, targetPort: {{FailoverLab.StreamTarget}}, protocol: TCP }
            ---
            apiVersion: v1
            kind: Service
            metadata: { name: web }
            spec:
              externalIPs: [{{FailoverLab.Address}}]
              selector: { app: egress-router-cni }
              ports: [ { name: web, port: {{FailoverLab.Port}}, targetPort: 8080 }, { name: stream, port: {{FailoverLab.StreamPort}}, targetPort: 8081 } ]
            """);
    }

    public int Number { get; }

    /// <summary>What the others call it.</summary>
    public string Name { get; }

    /// <summary>The line of its agent's status.</summary>
    public string Status => _agent?.Status ?? "";

    public string Log => _agent?.Log ?? "";

    public bool IsActive => Status.Contains("1 router active", StringComparison.Ordinal);

    public bool IsStandby => Status.Contains("1 router standby", StringComparison.Ordinal);

    /// <summary>To how many nodes there is a connection by which they are told of flows.</summary>
    public int ToldNodes => Host.Check("ss", "--no-header", "--tcp", "--numeric", "state", "established", "dport", "=", ":9818").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    public PhysicalAddress Mac =>
        PhysicalAddress.Parse(Router("ip", "-oneline", "link", "show", "dev", "net1").Split("link/ether ")[1].Split(' ')[0].ToUpperInvariant().Replace(':', '-'));

    private LabHost Host => _host ?? throw new InvalidOperationException($"{Name} is not there");

    public override string ToString() => Name;

    /// <summary>Makes the machine, if it is not there, and starts its agent.</summary>
    public void Start()
    {
        if (_host is null)
        {
            _host = _lab.AddHost(Name, _address);
            _host.EnableForwarding();
            _lab.Senders.Add(_lab.Lan, _host, Number);
            _mounts = _host.Start("unshare", "--mount", "--propagation", "private", "sh", "-c", "mount -t tmpfs -o mode=755 tmpfs /run/netns && mount --make-shared /run/netns && echo ready && exec sleep infinity");
            if (_mounts.StandardOutput.ReadLine() != "ready")
            {
                throw new InvalidOperationException($"{Name} has no place for network namespaces: {_mounts.StandardError.ReadToEnd()}");
            }
        }

        _agent = AgentProcess.Start(_host, _files, launcher: ["nsenter", $"--mount=/proc/{_mounts!.Id}/ns/mnt", "--"]);
    }

    public void KillAgent()
    {
        _agent!.Kill();
        _agent.Dispose();
        _agent = null;
    }

    /// <summary>As <c>systemctl stop</c>.</summary>
    public void StopAgent()
    {
        _agent!.Stop();
        _agent.Dispose();
        _agent = null;
    }

    public void SuspendAgent() => _agent!.Suspend();

    public void ResumeAgent() => _agent!.Resume();

    /// <summary>Pulls the cable to the LAN, or puts it back.</summary>
    public void SetCable(bool isPlugged) => _lab.Lan.SetCarrier(Host, isPlugged);

    /// <summary>Takes the way to etcd away, or gives it back; the rest of the LAN is there.</summary>
    public void SetWayToStore(bool isThere) => Host.Ip($"route {(isThere ? "delete" : "add")} blackhole {FailoverLab.StoreAddress}/32");

    /// <summary>Keeps heartbeats from the node, or lets them through.</summary>
    public void SetHeartbeats(bool areThere)
    {
        if (areThere)
        {
            Host.Check("nft", "delete", "table", "inet", "cut");
        }
        else
        {
            Host.Check("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in udp dport 9818 drop");
        }
    }

    /// <summary>The power fails: the machine is gone with all that is on it, but for its disk.</summary>
    public void Destroy()
    {
        _lab.Lan.Detach(Host);
        KillAgent();
        _mounts!.Kill();
        _mounts.WaitForExit();
        _lab.RemoveHost(Host);
        (_host, _mounts) = (null, null);
    }

    /// <summary>Takes the fence away from the router's macvlan, as only root can.</summary>
    public void RemoveFence() => Router("tc", "qdisc", "delete", "dev", "net1", "clsact");

    public void Dispose()
    {
        _agent?.Dispose();
        _files.Dispose();
    }

    private string Router(params IReadOnlyList<string> words) => Host.Check(
        ["nsenter", $"--mount=/proc/{_mounts!.Id}/ns/mnt", "--", "nsenter", "--net=/run/netns/egress.default.web", "--", .. words]);
}
