using System.Diagnostics;
using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>One node of a cluster: an agent with a bus, files and a directory of network namespaces of its own, which outlive it as on a machine.</summary>
internal sealed class ClusterNode : IDisposable
{
    internal const string Service = "org.egressagent.Agent1";
    internal const string RouterInterface = Service + ".Router";

    private readonly EgressLab _lab;
    private readonly Process _holder;
    private readonly PrivateBus _daemon = PrivateBus.Start();
    private readonly AgentFiles _files = new();

    /// <param name="lab">Of which the host is.</param>
    /// <param name="host">The node.</param>
    /// <param name="name">What the others call it.</param>
    /// <param name="etcd">Where the nodes agree.</param>
    /// <param name="more">More of the settings of the cluster.</param>
    internal ClusterNode(EgressLab lab, LabHost host, string name, EtcdCluster etcd, string more = "")
    {
        (_lab, Host, Name) = (lab, host, name);
        _holder = host.Start("unshare", "--mount", "--propagation", "private", "sh", "-c", "mount -t tmpfs -o mode=755 tmpfs /run/netns && mount --make-shared /run/netns && echo ready && exec sleep infinity");
        Assert.Equal("ready", _holder.StandardOutput.ReadLine());
        Busctl = new Busctl(_daemon.Address);
        _files.Bus = _daemon.Address;
        _files.Configure("metrics: {listen: '127.0.0.1:9817'}");
        string credentials = "";
        if (etcd.Certificates is { } certificates)
        {
            credentials = $", caFile: {AuthorityFile}, certFile: {CertificateFile}, keyFile: {KeyFile}";
            Trust(certificates);
            Show(certificates);
        }

        _files.Configure($"cluster: {{name: edge, node: {name}, etcd: {{endpoints: [{string.Join(", ", etcd.Endpoints.Select(endpoint => $"'{endpoint}'"))}]{credentials}}}{more}}}");
    }

    internal string Name { get; }

    internal LabHost Host { get; }

    internal Busctl Busctl { get; }

    internal AgentProcess Agent { get; private set; } = null!;

    /// <summary>Those by whom etcd is to be signed.</summary>
    internal string AuthorityFile => _files.Config + "-ca.pem";

    internal string State => Property("State");

    internal string Message => Property("Conditions");

    /// <summary>Where clients of this node reach the router.</summary>
    internal string InsideAddress => Property("InsideAddresses").Split('"')[1];

    internal PhysicalAddress Mac => PhysicalAddress.Parse(Property("MacAddress").Split('"')[1].Replace(':', '-').ToUpperInvariant());

    /// <summary>As Prometheus gets them.</summary>
    internal string Metrics => Host.Check("curl", "--silent", "--fail", "http://127.0.0.1:9817/metrics");

    internal bool IsUp => Ip("link show dev net1").Contains("UP");

    private string CertificateFile => _files.Config + "-cert.pem";

    private string KeyFile => _files.Config + "-key.pem";

    public override string ToString() => Name;

    public void Dispose()
    {
        _daemon.Dispose();
        _files.Dispose();
    }

    internal void Write(RouterDocument router) => _files.Write($"{router.Name}.yaml", $"{router}");

    /// <summary>Edits the settings, which the next agent reads.</summary>
    internal void Configure(string former, string now) => File.WriteAllText(_files.Config, File.ReadAllText(_files.Config).Replace(former, now));

    /// <summary>Has the agent, also one that runs, believe an etcd that is signed by this authority.</summary>
    internal void Trust(EtcdCertificates certificates) => Put(certificates.AuthorityFile, AuthorityFile);

    /// <summary>Has the agent, also one that runs, show etcd this certificate.</summary>
    internal void Show(EtcdCertificates certificates)
    {
        Put(certificates.ClientKeyFile, KeyFile);
        Put(certificates.ClientFile, CertificateFile);
    }

    /// <summary>Starts an agent.</summary>
    /// <param name="launcher">A command and its first arguments that start it; it becomes the agent. None for the agent itself.</param>
    internal void StartAgent(params IReadOnlyList<string> launcher) =>
        Agent = _lab.Own(AgentProcess.Start(Host, _files, launcher: ["nsenter", $"--mount=/proc/{_holder.Id}/ns/mnt", "--", .. launcher]));

    /// <summary>Runs <c>ip</c> in the router's netns.</summary>
    internal string Ip(string arguments) => Host.Check(
        ["nsenter", $"--mount=/proc/{_holder.Id}/ns/mnt", "--", "ip", "-n", "egress.default.web", .. arguments.Split(' ')]);

    internal string Property(string name, string router = "web") => Busctl.Run(
        "get-property", Service, $"/org/egressagent/Agent1/router/default/{router}", RouterInterface, name).Output.TrimEnd('\n');

    internal CommandResult Call(string method) => Busctl.Run("call", Service, "/org/egressagent/Agent1/router/default/web", RouterInterface, method);

    internal void WaitFor(string state) =>
        Eventually.True($"{Name} to be {state}", () => State == $"s \"{state}\"", otherwise: () => $"{Message}\n{Agent.Log}");

    /// <summary>Waits until the router's conditions say this.</summary>
    internal void WaitForWords(string words) =>
        Eventually.True($"{Name} to say '{words}'", () => Message.Contains(words, StringComparison.Ordinal), otherwise: () => $"{Message}\n{Agent.Log}");

    // Whole at any time, as who renews a certificate puts it.
    private static void Put(string from, string to)
    {
        File.Copy(from, to + ".new", overwrite: true);
        File.Move(to + ".new", to, overwrite: true);
    }
}
