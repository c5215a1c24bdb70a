using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Benchmarks.Clients;

/// <summary>
/// What it costs the agent to find out whose flows it records: CPU time of its threads for each new flow of UDP through the kernel
/// datapath, of clients on the node and in a container, with records and without. Agent is the native binary of packaging/build.
/// </summary>
internal static class ClientsBenchmark
{
    private const int Flows = 10_000;
    private const int PerSecond = 2000;
    private const int Rounds = 3;
    private const int FirstPort = 20_000;

    private const string Router = """
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata:
          name: web
          annotations: {egressagent.org/inside-address: "198.18.0.2"}
        spec:
          addresses: [{ip: 192.168.12.99/24, gateway: 192.168.12.1}]
          redirect: {redirectRules: [{destinationIP: 10.0.0.99, port: 80, protocol: UDP}]}

        """;

    internal static int Run()
    {
        (string Mode, bool IsOnNode)[] cases = [("none", true), ("closed", true), ("none", false), ("closed", false)];
        for (int round = 0; round < Rounds; round++)
        {
            Random.Shared.Shuffle(cases);
            foreach ((string mode, bool onNode) in cases)
            {
                Measure(mode, onNode);
            }
        }

        return 0;
    }

    private static void Measure(string mode, bool onNode)
    {
        using JournalReceiver journal = new();
        using var files = new AgentFiles();
        files.Configure($"flowLog: {mode}");
        files.Configure($"flowRecords: {{namespace: {journal.Namespace}}}");
        files.Write("web.yaml", Router);
        using var lab = new EgressLab();
        AgentProcess agent = lab.StartAgent(files);
        LabHost client = onNode ? lab.Node : lab.Client;
        Eventually.True("the router", () => client.ProbeUdp(EgressLab.InsideAddress, 80).Outcome == ProbeOutcome.Answered);
        Dictionary<string, double> before = ReadThreads(agent.Pid);
        Socket[] sockets = Send(client);
        if (mode != "none")
        {
            Command.Check("nsenter", "--net=/run/netns/egress.default.web", "--", "conntrack", "--flush");
            Eventually.True("the records", () => journal.Entries.Count >= Flows, TimeSpan.FromMinutes(1));
        }

        Dictionary<string, double> after = ReadThreads(agent.Pid);
        Array.ForEach(sockets, socket => socket.Dispose());
        string threads = string.Join(", ", ((string[])["conntrack", "clients", "flow-records", "whole"]).Select(name =>
            string.Create(CultureInfo.InvariantCulture, $"{name} {(after.GetValueOrDefault(name) - before.GetValueOrDefault(name)) / Flows:F1}")));
        Console.WriteLine($"flowLog {mode,-6} client {(onNode ? "on the node" : "in a container"),-14} µs of CPU a flow: {threads}");
    }

    private static Socket[] Send(LabHost client)
    {
        var sockets = new Socket[Flows];
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < Flows; i++)
        {
            sockets[i] = client.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, FirstPort + i));
                socket.Connect(IPAddress.Parse(EgressLab.InsideAddress), 80);
                socket.Send("x"u8);
            });
            TimeSpan ahead = TimeSpan.FromSeconds((double)i / PerSecond) - Stopwatch.GetElapsedTime(began);
            if (ahead > TimeSpan.FromMilliseconds(5))
            {
                Thread.Sleep(ahead);
            }
        }

        return sockets;
    }

    // Nanoseconds on a processor are the first number of schedstat.
    private static Dictionary<string, double> ReadThreads(int pid)
    {
        Dictionary<string, double> found = [];
        foreach (string task in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            double microseconds = double.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1000;
            string name = File.ReadAllText($"{task}/comm").Trim();
            found[name] = found.GetValueOrDefault(name) + microseconds;
            found["whole"] = found.GetValueOrDefault("whole") + microseconds;
        }

        return found;
    }
}
