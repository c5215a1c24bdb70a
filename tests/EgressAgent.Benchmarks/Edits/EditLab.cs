using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>A node with the agent's files, and one server on its LAN that accepts connections to port 80.</summary>
internal sealed class EditLab : IDisposable
{
    private const string ServerAddress = "192.168.12.1";

    private readonly string _prefix = $"eb{Environment.ProcessId:x}";
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("egress-bench-");
    private readonly string _agent;
    private readonly NetworkNamespace _node;
    private readonly Socket _server;

    /// <param name="agent">The agent's binary.</param>
    internal EditLab(string agent)
    {
        _agent = agent;
        Directory.CreateDirectory(Path.Combine(_files.FullName, "routers"));
        File.WriteAllText(Configuration, """
            apiVersion: agent.egressagent.org/v1
            kind: AgentConfiguration
            addressConflictDetection: false
            """);
        File.SetUnixFileMode(Configuration, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Shell($"""
            ip netns add {_prefix}n; ip netns add {_prefix}s
            ip -n {_prefix}n link set lo up; ip -n {_prefix}s link set lo up
            ip -n {_prefix}n link add eth0 type veth peer name eth0 netns {_prefix}s
            ip -n {_prefix}n address add 192.168.12.10/16 dev eth0; ip -n {_prefix}s address add {ServerAddress}/16 dev eth0
            ip -n {_prefix}n link set eth0 up; ip -n {_prefix}s link set eth0 up
            """);
        _node = NetworkNamespace.OpenPath(NetworkNamespace.PathOf(_prefix + "n"));
        using NetworkNamespace server = NetworkNamespace.OpenPath(NetworkNamespace.PathOf(_prefix + "s"));
        _server = server.Run(() =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(ServerAddress), 80));
            socket.Listen(512);
            return socket;
        });
        new Thread(Accept) { IsBackground = true }.Start();
    }

    private string Configuration => Path.Combine(_files.FullName, "agentd.yaml");

    private string State => Path.Combine(_files.FullName, "state");

    /// <summary>Starts the agent on the node.</summary>
    internal AgentRun Start() => AgentRun.Start(
    [
        "nsenter", $"--net=/run/netns/{_prefix}n", _agent, "run", "--routers", Path.Combine(_files.FullName, "routers"),
        "--config", Configuration, "--state", State, "--runtime", _files.FullName, "--bus", "none", "--log", "console",
    ]);

    /// <summary>Saves a router's file as editors do, by renaming.</summary>
    internal void Save(string name, IPAddress reserved, IEnumerable<int> ports)
    {
        var text = new StringBuilder($$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: {{name}} }
            spec:
              addresses: [ { ip: "{{reserved}}/16", gateway: "{{ServerAddress}}" } ]
              redirect:
                redirectRules:

            """);
        foreach (int port in ports)
        {
            text.AppendLine($"    - {{ destinationIP: {ServerAddress}, port: {port}, targetPort: 80, protocol: TCP }}");
        }

        string path = Path.Combine(_files.FullName, "routers", $"{name}.yaml");
        File.WriteAllText(path + "~", text.ToString());
        File.Move(path + "~", path, overwrite: true);
    }

    /// <summary>From the saving of a file, which <paramref name="save"/> does, to the first connection that it makes possible.</summary>
    internal TimeSpan MeasureUntilInForce(string insideAddress, int port, Action save)
    {
        var target = new IPEndPoint(IPAddress.Parse(insideAddress), port);
        if (CanConnect(target))
        {
            throw new InvalidOperationException($"{target} leads somewhere before it should");
        }

        long start = Stopwatch.GetTimestamp();
        save();
        while (!CanConnect(target))
        {
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(60))
            {
                throw new TimeoutException($"{target} leads nowhere");
            }
        }

        return Stopwatch.GetElapsedTime(start);
    }

    public void Dispose()
    {
        Shell($"nsenter --net=/run/netns/{_prefix}n {_agent} cleanup --state {State}");
        _server.Dispose();
        _node.Dispose();
        Shell($"ip netns del {_prefix}n; ip netns del {_prefix}s");
        _files.Delete(recursive: true);
    }

    private bool CanConnect(IPEndPoint target)
    {
        using Socket socket = _node.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            socket.Connect(target);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                _server.Accept().Dispose();
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private static void Shell(string script)
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-ec", script]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"failed: {script}");
        }
    }
}
