using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>A node with the agent's files, and one server on its LAN that accepts connections to port 80.</summary>
internal sealed class EditLab : IDisposable
{
    internal const string ServerAddress = "192.168.12.1";

    // lo and eth0.
    private const int OwnLinks = 2;

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

    /// <summary>The node's network namespace.</summary>
    internal string Node => _prefix + "n";

    /// <summary>The server's network namespace.</summary>
    internal string Server => _prefix + "s";

    private string Configuration => Path.Combine(_files.FullName, "agentd.yaml");

    private string State => Path.Combine(_files.FullName, "state");

    /// <summary>Starts the agent on the node, with these variables in its environment.</summary>
    internal AgentRun Start(params string[] variables) => AgentRun.Start(
    [
        "env", .. variables, "nsenter", $"--net=/run/netns/{_prefix}n", _agent, "run", "--routers", Path.Combine(_files.FullName, "routers"),
        "--config", Configuration, "--state", State, "--runtime", _files.FullName, "--bus", "none", "--log", "console",
    ]);

    /// <summary>Saves a router's file as editors do, by renaming. Its rules lead to port 80, or to the same port.</summary>
    internal void Save(string name, IPAddress reserved, IEnumerable<int> ports, bool isToSamePort = false)
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
            text.AppendLine($"    - {{ destinationIP: {ServerAddress}, port: {port}, targetPort: {(isToSamePort ? port : 80)}, protocol: TCP }}");
        }

        Save(name, text.ToString());
    }

    /// <summary>Saves the file of a Service that leads to all routers.</summary>
    internal void SaveService(string name, int port, int targetPort) => Save($"service-{name}", $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: {{name}} }
        spec: { selector: { app: egress-router-cni }, ports: [ { port: {{port}}, targetPort: {{targetPort}} } ] }
        """);

    /// <summary>Where clients reach a router that is there. Which address that is differs between builds of the agent.</summary>
    internal static string InsideAddressOf(string name)
    {
        using var ip = Process.Start(new ProcessStartInfo("ip", ["-n", $"egress.default.{name}", "-4", "-o", "address", "show", "eth0"]) { RedirectStandardOutput = true })!;
        string output = ip.StandardOutput.ReadToEnd();
        ip.WaitForExit();
        return output.Split("inet ")[1].Split('/')[0];
    }

    /// <summary>Whether a connection is taken.</summary>
    internal bool CanConnect(string address, int port) => CanConnect(new IPEndPoint(IPAddress.Parse(address), port));

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
                throw new TimeoutException($"{target} leads nowhere with {_agent}");
            }
        }

        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Runs a script on the node: the time until it ends, and what it and its processes used of the processors, in milliseconds.</summary>
    internal (double Time, double Cpu) RunOnNode(string script)
    {
        string path = Path.Combine(_files.FullName, "script");
        File.WriteAllText(path, $"set -e\n{script}times\n");
        long start = Stopwatch.GetTimestamp();
        using var bash = Process.Start(new ProcessStartInfo("nsenter", [$"--net=/run/netns/{_prefix}n", "bash", path]) { RedirectStandardOutput = true })!;
        string times = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return bash.ExitCode == 0
            ? (time, times.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Sum(Milliseconds))
            : throw new InvalidOperationException($"failed: {path}");

        // As 0m1.234s.
        static double Milliseconds(string word) => word.TrimEnd('s').Split('m') is [var minutes, var seconds]
            ? (60_000 * double.Parse(minutes, CultureInfo.InvariantCulture)) + (1000 * double.Parse(seconds, CultureInfo.InvariantCulture))
            : throw new FormatException($"no time: {word}");
    }

    /// <summary>Lists the ruleset of a netns into a file that nft can read, and returns its path.</summary>
    internal string SaveRuleset(string netns)
    {
        string path = Path.Combine(_files.FullName, $"{netns}.nft");
        Shell($"ip netns exec {netns} nft --stateless list ruleset > {path}");
        return path;
    }

    /// <summary>Leaves nothing of the routers, in the kernel or in the state, and waits until the kernel has taken their links away.</summary>
    internal void Clean()
    {
        Cleanup();
        File.Delete(Path.Combine(State, "state.db"));
        while (CountLinks() > OwnLinks)
        {
            Thread.Sleep(TimeSpan.FromMilliseconds(100));
        }

        // The rest of a netns goes after its links.
        Thread.Sleep(TimeSpan.FromSeconds(1));
    }

    public void Dispose()
    {
        Cleanup();
        _server.Dispose();
        _node.Dispose();
        Shell($"ip netns del {_prefix}n; ip netns del {_prefix}s");
        _files.Delete(recursive: true);
    }

    private void Cleanup() => Shell($"nsenter --net=/run/netns/{_prefix}n {_agent} cleanup --state {State} >/dev/null");

    // Their heads, below two lines that say what is what.
    private int CountLinks() => _node.Run(() => File.ReadAllLines("/proc/thread-self/net/dev").Length) - 2;

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

    private void Save(string name, string text)
    {
        string path = Path.Combine(_files.FullName, "routers", $"{name}.yaml");
        File.WriteAllText(path + "~", text);
        File.Move(path + "~", path, overwrite: true);
    }

    private static void Shell(string script)
    {
        using var process = Process.Start("/bin/sh", ["-ec", script]);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"failed: {script}");
        }
    }
}
