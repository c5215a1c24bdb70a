using System.Diagnostics;
using System.Globalization;
using System.Text;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Crash.Storm;

/// <summary>
/// Routers are edited and damaged at random, and the agent is killed, stopped and started, while transfers run through routers that
/// nobody edits. After each round the kernel has to be as it is when nothing disturbs the agent. The seed fixes what is done; when
/// exactly it hits the agent is chance.
/// </summary>
/// <remarks><c>EGRESS_STORM_SEED</c> and <c>EGRESS_STORM_ROUNDS</c> make another and a longer one.</remarks>
public sealed class StormTests : IDisposable
{
    private const int RouterCount = 3;
    private const int DeedsPerRound = 12;
    private const string SteadyAddress = "192.168.12.99";
    private const string SteadyAddress6 = "2001:db8:12::98";
    private const string MortalAgent = "artifacts/build/bin/EgressAgent.MortalAgent/debug/EgressAgent.MortalAgent";

    // A router that failed again and again is not tried for a while.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan TransferPause = TimeSpan.FromMilliseconds(2);

    private readonly int _seed = Setting("EGRESS_STORM_SEED", 1);
    private readonly int _rounds = Setting("EGRESS_STORM_ROUNDS", 3);
    private readonly Random _random;
    private readonly StringBuilder _history = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly DataPathLab _lab;
    private readonly StormRouter[] _routers;
    private string _lastLog = "";
    private bool _isUnguarded;

    public StormTests()
    {
        Requires.Agent();
        _random = new Random(_seed);
        _lab = new DataPathLab();
        _ = _lab.OtherLan;
        _routers = [.. Enumerable.Range(1, RouterCount).Select(number => new StormRouter(_lab, _random, number))];
        foreach (string address in (string[])[DataPathLab.Web, DataPathLab.OtherWeb, DataPathLab.Web6, DataPathLab.OtherWeb6])
        {
            _lab.Server.ServeTcp(address, 80);
            _lab.Server.ServeTcp(address, 8443);
            _lab.Server.ServeUdp(address, 80);
        }
    }

    public void Dispose()
    {
        if (_lab.IsAgentRunning)
        {
            _lab.EndAgent(isKilled: true);
        }

        _lab.Node.Run(Repository.AgentBinary, "cleanup", "--state", _lab.Files.State);
        _lab.Dispose();
    }

    [Fact]
    public void Storm_leaves_everything_as_it_has_to_be()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"EGRESS_STORM_SEED={_seed} EGRESS_STORM_ROUNDS={_rounds}");
        try
        {
            Run();
        }
        catch (Exception exception)
        {
            string log = _lab.IsAgentRunning ? _lab.Agent.Log : _lastLog;
            throw new InvalidOperationException($"EGRESS_STORM_SEED={_seed} {exception.Message}\n{_history}\n{log}", exception);
        }
    }

    private void Run()
    {
        Learn();
        string inside = _lab.Apply("steady", $$"""
            addresses: [ { ip: "{{SteadyAddress}}/24" } ], redirect: { redirectRules: [
                { destinationIP: {{DataPathLab.Web}}, port: 8080, targetPort: 80, protocol: TCP },
                { destinationIP: {{DataPathLab.Web}}, port: 9000, targetPort: 9000, protocol: UDP } ] }
            """).InsideAddress!;
        _lab.Apply("steady6", $$"""
            addresses: [ { ip: "{{SteadyAddress6}}/64" } ], redirect: { fallbackIP: "{{DataPathLab.Web6}}" }
            """);
        string inside6 = InsideAddress6("steady6");
        foreach (StormRouter router in _routers)
        {
            router.Save(0, inPlace: false);
        }

        Note("learnt");
        Settle();
        using EchoedTransfer transfer = EchoedTransfer.Start(_lab.Client, inside, 8080, TransferPause);
        using EchoedTransfer transfer6 = EchoedTransfer.Start(_lab.Client, inside6, 80, TransferPause);
        using EchoedDatagrams stream = EchoedDatagrams.Start(_lab.Client, inside, 9000, _lab.Server, DataPathLab.Web, 9000);
        using EchoedDatagrams stream6 = EchoedDatagrams.Start(_lab.Client, inside6, 9000, _lab.Server, DataPathLab.Web6, 9000);

        // Past the routers: what the lab itself loses.
        using EchoedDatagrams past = EchoedDatagrams.Start(_lab.Neighbour, DataPathLab.OtherWeb, 9000, _lab.Server, DataPathLab.OtherWeb, 9000);
        using LanAudit audit = new(_lab);
        for (int round = 1; round <= _rounds; round++)
        {
            Note($"round {round}");
            _isUnguarded = false;
            audit.Clear();
            for (int deed = 0; deed < DeedsPerRound; deed++)
            {
                Do();

                // Sometimes the next one follows at once.
                Thread.Sleep(_random.Next(2) * _random.Next(100));
            }

            Note("settle");
            Settle();
            transfer.WaitForBlocks(10);
            transfer6.WaitForBlocks(10);
            if (!_isUnguarded)
            {
                audit.AssertRoutersSentOnly(
                    [SteadyAddress, SteadyAddress6, .. StormRouter.Addresses(RouterCount), Drift.Address],
                    [DataPathLab.Web, DataPathLab.OtherWeb, DataPathLab.Web6, DataPathLab.OtherWeb6]);
            }
        }

        _lab.Agent.WaitForThreadsAtHome();
        Assert.Equal([SteadyAddress], stream.Sources);
        Assert.Equal([SteadyAddress6], stream6.Sources);
        int lost = past.Stop().Count;
        Assert.NotEqual(0, past.Answered);
        Assert.InRange(stream.Stop().Count, 0, lost);
        Assert.InRange(stream6.Stop().Count, 0, lost);
        Note($"{transfer.Blocks} and {transfer6.Blocks} blocks, {stream.Answered} and {stream6.Answered} datagrams, {lost} lost by the lab");
        TestContext.Current.TestOutputHelper?.WriteLine($"{_history}");
    }

    // What each document makes of the kernel when nothing was there and nobody disturbs.
    private void Learn()
    {
        for (int document = 0; document < _routers[0].Documents.Count; document++)
        {
            foreach (StormRouter router in _routers)
            {
                router.Save(document, inPlace: false);
            }

            foreach (StormRouter router in _routers)
            {
                string inForce = $"default/{router.Name}: in force";
                Eventually.True(inForce, () => _lab.CountInLog(inForce) > document, otherwise: () => _lab.Agent.Log);
                router.Learn();
                router.Delete();
            }

            foreach (StormRouter router in _routers)
            {
                string removed = $"default/{router.Name}: removed";
                Eventually.True(removed, () => _lab.CountInLog(removed) > document, otherwise: () => _lab.Agent.Log);
            }
        }
    }

    private static string InsideAddress6(string router) =>
        new ObservedRouter(router).Ip("-6 -oneline address show dev eth0 scope global").Split("inet6 ")[1].Split('/')[0];

    // Everything is as the files want, without a restart if the agent runs.
    private void Settle()
    {
        _ = _lab.Agent;
        foreach (StormRouter router in _routers)
        {
            try
            {
                Eventually.Holds(router.AssertInForce, LongestPause);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{router.Name}: {exception.Message}", exception);
            }
        }
    }

    private void Do()
    {
        int kind = _random.Next(20);
        if (kind < 7)
        {
            Edit(_routers[_random.Next(RouterCount)]);
        }
        else if (kind < 14)
        {
            StormRouter router = _routers[_random.Next(RouterCount)];
            IReadOnlyList<string> commands = kind < 12 ? Drift.Harmful : Drift.Unguarding;
            _isUnguarded |= kind >= 12;
            Damage(commands[_random.Next(commands.Count)], router.Name, router.NodeLink);
        }
        else if (kind < 17)
        {
            string steady = _random.Next(2) == 0 ? "steady" : "steady6";
            Damage(Drift.Harmless[_random.Next(Drift.Harmless.Count)], steady, StormRouter.NodeLinkOf(steady));
        }
        else if (!_lab.IsAgentRunning)
        {
            if (_random.Next(2) == 0)
            {
                DieAtStep(_random.Next(1, 40));
            }

            Note("start");
            _ = _lab.Agent;
        }
        else
        {
            bool isKilled = _random.Next(3) > 0;
            Note(isKilled ? "kill" : "stop");
            _lastLog = _lab.EndAgent(isKilled);
        }
    }

    private void Edit(StormRouter router)
    {
        switch (_random.Next(6))
        {
            case 0 when router.IsInForce:
                Note($"spoil {router.Name}");
                router.Spoil();
                break;
            case 1 when router.Current is not null:
                Note($"rename the file of {router.Name}");
                router.Rename();
                break;
            case 2 when router.Current is not null:
                Note($"delete {router.Name}");
                router.Delete();
                break;
            default:
                int document = _random.Next(router.Documents.Count);
                bool inPlace = _random.Next(2) == 0;
                Note($"save {router.Name} {document}{(inPlace ? " in place" : "")}");
                router.Save(document, inPlace);
                break;
        }
    }

    private void Damage(string command, string router, string nodeLink)
    {
        Note($"{command} # of {router}");
        Drift.Do(command, _lab, router, nodeLink);
    }

    // An agent that is killed before a certain thing that it does.
    private void DieAtStep(int step)
    {
        CommandResult result = _lab.Node.Run(
            Repository.PathOf(MortalAgent), _lab.Files.Routers, _lab.Files.Config, _lab.Files.State, _lab.Files.Runtime, $"{step}");
        Note($"an agent {result.Output.Trim().Split('\n')[^1]}");
    }

    private void Note(string deed) => _history.AppendLine($"{_clock.Elapsed.TotalSeconds:0.0} s: {deed}");

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
