using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Journal;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Benchmarks.Records;

/// <summary>
/// What records of flows cost: processor time of the agent and of journald for 2,000 new flows a second, with records and without, in
/// random order; what living flows add to the agent's memory while it is asked what passes; and what a scrape of metrics costs. The agent is the native binary of
/// packaging/build, the journal a real one.
/// </summary>
internal static class RecordsBenchmark
{
    private const int FlowsPerSecond = 2000;
    private const int FirstPort = 10_000;
    private const int Living = 10_000;
    private const int Routers = 20;
    private const int FlowsOfRouter = 5;
    private const string Rule = """{ destinationIP: 10.0.0.99, port: 80, protocol: UDP }""";

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);

    internal static int Run(string[] arguments)
    {
        int rounds = arguments is [var number, ..] ? int.Parse(number, CultureInfo.InvariantCulture) : 3;
        switch (arguments)
        {
            case [_, "flows"]:
                PrintFlows(rounds);
                break;
            case [_, "living", .. var datapaths]:
                PrintLiving(rounds, datapaths);
                break;
            case [_, "scrapes"]:
                PrintScrapes(rounds);
                break;
            default:
                PrintFlows(rounds);
                PrintLiving(rounds, []);
                PrintScrapes(rounds);
                break;
        }

        return 0;
    }

    private static void PrintFlows(int rounds)
    {
        Random random = new(1);
        (string Datapath, string Mode)[] modes = [.. from datapath in (string[])["kernel", "relay"] from mode in (string[])["none", "closed"] select (datapath, mode)];
        var costs = modes.ToDictionary(mode => mode, _ => new List<(double Agent, double Journal)>());
        for (int round = 0; round < rounds; round++)
        {
            (string Datapath, string Mode)[] order = [.. modes];
            random.Shuffle(order);
            foreach ((string datapath, string mode) in order)
            {
                costs[(datapath, mode)].Add(MeasureFlows(datapath, mode));
            }
        }

        Console.WriteLine($"{FlowsPerSecond} flows a second, percent of a processor:  agent   journald");
        foreach ((string datapath, string mode) in modes)
        {
            Console.WriteLine($"{datapath,10}, flow-log: {mode,-32} {Median(costs[(datapath, mode)].Select(cost => cost.Agent)),6:F1} {Median(costs[(datapath, mode)].Select(cost => cost.Journal)),10:F1}");
        }
    }

    private static void PrintLiving(int rounds, string[] datapaths)
    {
        Console.WriteLine($"{Living} living flows add, MB:");
        foreach (string datapath in datapaths is [] ? ["kernel", "relay"] : datapaths)
        {
            foreach ((string what, string mode, bool isAsked, bool doSend) in ((string, string, bool, bool)[])
            [
                ("without records, nobody asks", "none", false, false),
                ("nobody asks", "closed", false, false),
                ("metrics read every second", "closed", true, false),
                ("the same, and each sends every second", "closed", true, true),
            ])
            {
                double[] added = [.. Enumerable.Range(0, rounds).Select(_ => MeasureLiving(datapath, mode, isAsked, doSend))];
                Console.WriteLine($"{datapath,10}, {what,-42} {Median(added),6:F1}   ({string.Join(", ", added.Select(one => $"{one:F1}"))})");
            }
        }
    }

    private static void PrintScrapes(int rounds)
    {
        foreach (string datapath in (string[])["kernel", "relay"])
        {
            double[] times = [.. Enumerable.Range(0, rounds).Select(_ => MeasureScrapes(datapath))];
            Console.WriteLine($"{datapath,10}, processor time of a scrape for each of {Routers} routers with {FlowsOfRouter} flows, ms   {Median(times):F2}");
        }
    }

    // Farther apart than a sample of what passes is used again.
    private static double MeasureScrapes(string datapath)
    {
        const int Scrapes = 5;
        using AgentFiles files = NewFiles(datapath, "metrics: {listen: 127.0.0.1:9817}");
        for (int i = 2; i <= Routers; i++)
        {
            Save(files, Rule, $"r{i}", $"198.18.0.{i + 1}", $"192.168.12.{i + 99}");
        }

        using var lab = new EgressLab();
        (AgentProcess agent, _) = Start(lab, files);
        agent.WaitForLog($"{Routers} active");
        List<Socket> clients = [];
        foreach (int router in Enumerable.Range(1, Routers))
        {
            for (int flow = 0; flow < FlowsOfRouter; flow++)
            {
                clients.Add(Open(lab, IPAddress.Parse($"198.18.0.{router + 1}"), FirstPort + clients.Count));
            }
        }

        TimeSpan cost = default;
        for (int i = 0; i <= Scrapes; i++)
        {
            clients.ForEach(client => client.Send("question"u8));
            Thread.Sleep(TimeSpan.FromSeconds(6));
            TimeSpan before = agent.ProcessorTime;
            lab.Node.Check("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:9817/metrics");

            // The first one also makes what the others find.
            cost += i == 0 ? default : agent.ProcessorTime - before;
        }

        clients.ForEach(client => client.Dispose());
        return cost.TotalMilliseconds / Scrapes / Routers;
    }

    private static (double Agent, double Journal) MeasureFlows(string datapath, string mode)
    {
        using PrivateJournal journal = PrivateJournal.Start();
        using AgentFiles files = NewFiles(datapath, $"flowLog: {mode}\nflowRecords: {{namespace: {journal.Namespace}}}");
        using var lab = new EgressLab();
        (AgentProcess agent, IPAddress inside) = Start(lab, files);
        TimeSpan before = agent.ProcessorTime;
        TimeSpan journalBefore = journal.ProcessorTime;
        int count = (int)(FlowsPerSecond * Duration.TotalSeconds);
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < count; i++)
        {
            using Socket client = Open(lab, inside, FirstPort + i);
            client.Send("question"u8);
            while (clock.Elapsed < Duration * (i + 1) / count)
            {
                Thread.Sleep(1);
            }
        }

        // Without a rule all of them end, which costs something without records too.
        Save(files, "");
        agent.WaitForLog("generation 2 accepted");
        if (mode != "none")
        {
            Eventually.True("all records", () => CountRecords(journal) >= count, TimeSpan.FromMinutes(2), () => $"{CountRecords(journal)} of {count}\n{agent.Log}");
        }

        WaitForQuiet(agent);

        return (Percent(agent.ProcessorTime - before), Percent(journal.ProcessorTime - journalBefore));
    }

    private static void WaitForQuiet(AgentProcess agent)
    {
        TimeSpan before;
        do
        {
            before = agent.ProcessorTime;
            Thread.Sleep(500);
        }
        while (agent.ProcessorTime - before > TimeSpan.FromMilliseconds(20));
    }

    private static double MeasureLiving(string datapath, string mode, bool isAsked, bool doSend)
    {
        using PrivateJournal journal = PrivateJournal.Start();
        using AgentFiles files = NewFiles(datapath, $"flowLog: {mode}\nmetrics: {{listen: 127.0.0.1:9817}}\nflowRecords: {{namespace: {journal.Namespace}}}");
        // A relay has 8,192 associations at most.
        int routers = datapath == "relay" ? 2 : 1;
        for (int i = 2; i <= routers; i++)
        {
            Save(files, Rule, $"r{i}", $"198.18.0.{i + 1}", $"192.168.12.{i + 99}");
        }

        using var lab = new EgressLab();
        (AgentProcess agent, _) = Start(lab, files);
        agent.WaitForLog($"{routers} active");
        agent.WaitForLog("metrics are served");
        long before = Settle(lab, agent, isAsked, []);
        Socket[] clients = [.. Enumerable.Range(0, Living).Select(i => Open(lab, IPAddress.Parse($"198.18.0.{(i % routers) + 2}"), FirstPort + i))];
        foreach (Socket client in clients)
        {
            client.Send("question"u8);
        }

        long after = Settle(lab, agent, isAsked, doSend ? clients : []);
        Array.ForEach(clients, client => client.Dispose());
        return (after - before) / 1e6;
    }

    // The most that it takes in a while.
    private static long Settle(EgressLab lab, AgentProcess agent, bool isAsked, Socket[] clients)
    {
        long most = 0;
        for (int i = 0; i < 12; i++)
        {
            if (isAsked)
            {
                lab.Node.Check("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:9817/metrics");
            }

            foreach (Socket client in clients)
            {
                client.Send("question"u8);
            }

            Thread.Sleep(1000);
            most = Math.Max(most, agent.ResidentBytes());
        }

        return most;
    }

    private static AgentFiles NewFiles(string datapath, string settings)
    {
        AgentFiles files = new();
        files.Configure($"datapath: {datapath}");
        files.Configure(settings);
        Save(files, Rule);
        return files;
    }

    private static void Save(AgentFiles files, string rule, string name = "web", string inside = EgressLab.InsideAddress, string reserved = EgressLab.ReservedAddress) => files.Replace($"{name}.yaml", $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: {{name}}, annotations: { egressagent.org/inside-address: {{inside}} } }
        spec:
          addresses: [ { ip: "{{reserved}}/24", gateway: "{{EgressLab.GatewayAddress}}" } ]
          redirect: { redirectRules: [ {{rule}} ] }
        """);

    private static (AgentProcess Agent, IPAddress Inside) Start(EgressLab lab, AgentFiles files)
    {
        AgentProcess agent = lab.StartAgent(files);
        Eventually.True("the router", () => lab.Node.ProbeUdp(EgressLab.InsideAddress, 80).Outcome == ProbeOutcome.Answered, otherwise: () => agent.Log);
        return (agent, IPAddress.Parse(EgressLab.InsideAddress));
    }

    private static Socket Open(EgressLab lab, IPAddress inside, int port) => lab.Node.CreateSocket(
        AddressFamily.InterNetwork,
        SocketType.Dgram,
        ProtocolType.Udp,
        socket =>
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            socket.Connect(inside, 80);
        });

    private static int CountRecords(PrivateJournal journal)
    {
        journal.Sync();
        return Command.Check("journalctl", $"--namespace={journal.Namespace}", "--quiet", "--no-pager", "--output=cat", "EGRESS_EVENT=end").Count(letter => letter == '\n');
    }

    private static double Percent(TimeSpan time) => 100 * time / Duration;

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
