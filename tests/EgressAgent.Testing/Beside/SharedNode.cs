using System.Text.Json;
using EgressAgent.Testing.Booted;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Beside;

/// <summary>
/// A booted node that forwards nothing, as Debian installs it, on which another program runs beside the agent, with one router, a
/// Service that leads to the router, and clients of each kind.
/// </summary>
public sealed class SharedNode : IDisposable
{
    private const string Router = "egress-router-redirect";
    private const string ExternalAddress = "192.168.12.97";
    private const string SysctlFile = "/etc/sysctl.d/90-egress.conf";

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private bool _hasContainer;
    private readonly string _files = Directory.CreateDirectory(Repository.PathOf($"artifacts/booted/files-{Path.GetRandomFileName()}")).FullName;

    /// <summary>Boots the node, starts the program, then the agent's router.</summary>
    /// <param name="program">What runs there.</param>
    public SharedNode(OtherProgram program)
    {
        Program = program;
        try
        {
            Agent = new InstalledAgent(_files);
            ForwardNothing();
            Node.Check("sh", "-euc", program.Start);
            Agent.WriteRouter($$"""
                {{Agent.ReadExample().Replace("\n  annotations:\n", "\n  annotations:\n    egressagent.org/clients: \"node, 10.88.0.0/24, 192.168.12.0/24\"\n")}}
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: partner}
                spec:
                  externalIPs: [{{ExternalAddress}}]
                  selector: {app: egress-router-cni}
                  ports: [{port: 80, targetPort: 8080}]
                """);
            Eventually.True("the node to be asked where it leads clients", () => Condition().Status != "Unknown", otherwise: () => Agent.Journal());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public OtherProgram Program { get; }

    public InstalledAgent Agent { get; } = null!;

    public BootedNode Node => Agent.Node;

    /// <summary>Which clients there are, in an order in which none finds what was done for another one, unless that is what the program does.</summary>
    public IEnumerable<ClientKind> Clients => Enum.GetValues<ClientKind>()
        .Where(client => client != ClientKind.Container || Program.Engine is not null)
        .OrderBy(client => client == ClientKind.Container && Program.IsEngine ? 0 : 1);

    /// <summary>Whether a client reaches the destination, which sees the reserved address.</summary>
    public bool IsServed(ClientKind client) => Probe(client)?.SeenSource == EgressLab.ReservedAddress;

    /// <summary>
    /// Lets a client in by the commands that the agent names, one after the other, each of which has to be told by
    /// <c>ClientsReachable</c> and by <c>egressctl explain</c>. Nothing is run for one that is served.
    /// </summary>
    /// <returns>The commands.</returns>
    /// <exception cref="TimeoutException">A client is not served, and nothing else is named.</exception>
    public IReadOnlyList<string> LetIn(ClientKind client)
    {
        if (client == ClientKind.Container)
        {
            RunContainer();
        }

        List<string> commands = [];
        while (true)
        {
            (bool isServed, string message) = (false, "");
            Eventually.True(
                $"the {client} to be served, or the agent to name what else keeps it out",
                () => (isServed = IsServed(client)) || (Condition() is { Status: "False" } condition && !commands.Contains(CommandIn(message = condition.Message))),
                otherwise: () => $"Commands so far: {string.Join("; ", commands)}. It says: {Condition()}\n{Agent.Journal()}");
            if (isServed)
            {
                return commands;
            }

            string explanation = Node.Run("egressctl", "explain", Router, "tcp/8080", "--from", client == ClientKind.Node ? "198.18.0.1" : "10.88.0.2").Output;
            if (!explanation.Contains($"but {message}"))
            {
                throw new InvalidOperationException($"egressctl explain does not say \"{message}\" but: {explanation}");
            }

            commands.Add(CommandIn(message));
            Obey(commands[^1]);
        }
    }

    /// <summary>Waits until a client is served, with no further command, but for what a container's engine wants.</summary>
    /// <returns>Whether the engine wanted that.</returns>
    /// <exception cref="TimeoutException">The client is not served.</exception>
    public bool WaitFor(ClientKind client)
    {
        bool isRepaired = client == ClientKind.Container && Program.Repair is not null && !IsServed(client);
        if (isRepaired)
        {
            Node.Check("sh", "-euc", Program.Repair!);
        }

        Eventually.True($"the {client} to be served", () => IsServed(client), otherwise: () => $"It is {Probe(client)?.Outcome}. {Condition()}\n{Agent.Journal()}");
        return isRepaired;
    }

    /// <summary>Shuts the node down and boots it again, with all that is installed on it.</summary>
    public void Reboot()
    {
        Agent.Reboot(ForwardNothing);
        if (_hasContainer)
        {
            Program.Engine!.Start(Node);
        }
    }

    /// <summary>Has two transfers go through the router, one of the node and one that the node forwards, while something is done.</summary>
    /// <returns>The longest time without a block that came back whole.</returns>
    /// <exception cref="IOException">A transfer broke.</exception>
    public TimeSpan Transfer(Action action)
    {
        EchoedTransfer[] transfers =
            [.. new[] { Agent.Lab.Node, Agent.Lab.Client }.Select(client => EchoedTransfer.Start(client, EgressLab.InsideAddress, 8080, TimeSpan.FromMilliseconds(1)))];
        try
        {
            Array.ForEach(transfers, transfer => transfer.WaitForBlocks(100));
            action();
            Array.ForEach(transfers, transfer => transfer.WaitForBlocks(100));
            return transfers.Max(transfer => transfer.LongestPause);
        }
        finally
        {
            Array.ForEach(transfers, transfer => transfer.Dispose());
        }
    }

    public void Dispose()
    {
        Agent?.Dispose();
        Directory.Delete(_files, recursive: true);
    }

    private void RunContainer()
    {
        if (!_hasContainer)
        {
            Program.Engine!.Run(Node);
            _hasContainer = true;
        }
    }

    private void ForwardNothing() => Agent.Lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0");

    private ProbeResult? Probe(ClientKind client) => client switch
    {
        ClientKind.Node => Agent.Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080, ProbeTimeout),
        ClientKind.Container => Program.Engine!.NamespacePath(Node) is { } path ? Agent.Lab.Node.In(path).ProbeTcp(EgressLab.InsideAddress, 8080, ProbeTimeout) : null,
        ClientKind.RoutedSubnet => Agent.Lab.Client.ProbeTcp(EgressLab.InsideAddress, 8080, ProbeTimeout),
        ClientKind.LanHost => Agent.Lab.Neighbour.ProbeTcp(ExternalAddress, 80, ProbeTimeout),
        _ => throw new ArgumentOutOfRangeException(nameof(client)),
    };

    // And as the sentence around it says, a sysctl's file for the next boot.
    private void Obey(string command)
    {
        Node.Check("sh", "-euc", command);
        if (command.StartsWith("sysctl -w ", StringComparison.Ordinal))
        {
            File.AppendAllText(Node.PathOf(SysctlFile), command["sysctl -w ".Length..] + "\n");
        }
    }

    private (string Status, string Message) Condition()
    {
        using var router = JsonDocument.Parse(Node.Run("egressctl", "show", Router, "--json").Output is { Length: > 0 } text ? text : "{\"conditions\": []}");
        return router.RootElement.GetProperty("conditions").EnumerateArray()
            .Where(condition => condition.GetProperty("type").GetString() == "ClientsReachable")
            .Select(condition => (condition.GetProperty("status").GetString()!, condition.GetProperty("message").GetString()!))
            .FirstOrDefault(("Unknown", ""));
    }

    private static string CommandIn(string message) => message[(message.LastIndexOf(": ", StringComparison.Ordinal) + 2)..];
}
