using System.Diagnostics;
using System.Net.Sockets;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;
using Tmds.DBus.Protocol;

namespace EgressAgent.Benchmarks.Bus;

/// <summary>
/// How long an exchange through a relay router and a call to the agent take, first alone and then while four callers have a hundred
/// calls under way each. The agent is the native binary of packaging/build.
/// </summary>
internal static class BusBenchmark
{
    private const int Callers = 4;
    private const string Router = """
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: web, annotations: { egressagent.org/datapath: relay } }
        spec:
          addresses: [ { ip: "192.168.12.99/24", gateway: "192.168.12.1" } ]
          redirect: { redirectRules: [ { destinationIP: "203.0.113.26", port: 8080, targetPort: 80, protocol: TCP } ] }
        """;

    internal static int Run(string[] arguments)
    {
        TimeSpan time = TimeSpan.FromSeconds(arguments is [var seconds] ? int.Parse(seconds) : 10);
        using PrivateBus bus = PrivateBus.Start();
        using var files = new AgentFiles { Bus = bus.Address };
        using var lab = new EgressLab();
        files.Write("web.yaml", Router);
        AgentProcess agent = lab.StartAgent(files);
        string inside = new ObservedRouter("web").WaitForInsideAddress(agent);
        Console.WriteLine("                              exchange through the relay         call of ListRouters");
        Console.WriteLine("                              count    p50    p99   longest     count    p50    p99   longest   ms   resident");
        Measure("alone", lab, inside, bus, agent, time);
        using (BusStorm storm = BusStorm.Start(bus.Address, files.Routers, Callers))
        {
            Measure("beside a storm of calls", lab, inside, bus, agent, time);
            storm.Stop();
            Console.WriteLine($"  {storm.Answers / time.TotalSeconds:F0} answers and {storm.Refusals / time.TotalSeconds:F0} refusals a second");
        }

        Measure("afterwards", lab, inside, bus, agent, time);
        return 0;
    }

    private static void Measure(string what, EgressLab lab, string inside, PrivateBus bus, AgentProcess agent, TimeSpan time)
    {
        List<double> exchanges = [];
        List<double> calls = [];
        var exchanging = new Thread(() => Exchange(lab, inside, time, exchanges));
        exchanging.Start();
        Call(bus.Address, time, calls);
        exchanging.Join();
        Console.WriteLine($"{what,-26}{Describe(exchanges)}   {Describe(calls)}       {agent.ResidentBytes() / 1e6,6:F1} MB");
    }

    private static void Exchange(EgressLab lab, string inside, TimeSpan time, List<double> took)
    {
        using Socket client = lab.Node.OpenTcp(inside, 8080);
        client.NoDelay = true;
        byte[] buffer = new byte[1024];
        _ = client.Receive(buffer);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < time;)
        {
            long sent = Stopwatch.GetTimestamp();
            client.Send(buffer);
            for (int received = 0; received < buffer.Length;)
            {
                received += client.Receive(buffer, buffer.Length - received, SocketFlags.None);
            }

            took.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }
    }

    private static void Call(string address, TimeSpan time, List<double> took)
    {
        using var connection = new DBusConnection(address);
        connection.ConnectAsync().AsTask().GetAwaiter().GetResult();
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < time;)
        {
            long sent = Stopwatch.GetTimestamp();
            MessageWriter call = connection.GetMessageWriter();
            call.WriteMethodCallHeader("org.egressagent.Agent1", "/org/egressagent/Agent1", "org.egressagent.Agent1.Manager", "ListRouters");
            connection.CallMethodAsync(call.CreateMessage()).GetAwaiter().GetResult();
            took.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }
    }

    private static string Describe(List<double> milliseconds)
    {
        milliseconds.Sort();
        return $"{milliseconds.Count,9} {milliseconds[milliseconds.Count / 2],6:F2} {milliseconds[milliseconds.Count * 99 / 100],6:F2} {milliseconds[^1],8:F1}";
    }
}
