using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests;

/// <summary>Whatever the kernel refuses once, when the daemon opens, writes or watches something: it gets over it without a restart.</summary>
[Collection(nameof(AcquisitionFaultTests))]
public sealed class AcquisitionFaultTests : IDisposable
{
    private static readonly Errno[] Refusals = [Errno.EMFILE, Errno.ENOMEM, Errno.ENOSPC];

    private readonly TemporaryDirectory _root = new();

    public AcquisitionFaultTests() => Requires.Root();

    public void Dispose() => _root.Dispose();

    [CollectionDefinition(nameof(AcquisitionFaultTests), DisableParallelization = true)]
    public sealed class Alone;

    [Fact]
    public void State_isWholeAfterAnyOneRefusal()
    {
        RouterRecord known = Example.Record(Example.Router("known"), 1, "198.18.0.2/16");
        RouterRecord changed = Example.Record(Example.Router("changed"), 2, "198.18.0.3/16");
        HashSet<string> told = [];
        ForEachRefusal(5, (directory, nth, errno) =>
        {
            RecordingLogger<LiteDbResourceStore> log = new();
            using (LiteDbResourceStore before = new(directory, log))
            {
                before.Write([known], [], () => [known]);
            }

            LiteDbResourceStore? store = null;
            int calls = SystemCallFaults.Run(
                nth,
                errno,
                () =>
                {
                    store = new LiteDbResourceStore(directory, log);
                    Try(() => Assert.Equal([known.Id], store.Load().Select(record => record.Id)));
                    Try(() => store.Write([changed], [], () => [known, changed]));
                },
                directory);
            using (store)
            {
                store!.Write([changed], [], () => [known, changed]);
            }

            using LiteDbResourceStore after = new(directory, log);
            Assert.Equal([changed.Id, known.Id], after.Load().Select(record => record.Id).Order());

            // What was refused is no broken database.
            Assert.Empty(log.Events);
            return calls;
        });
        Assert.NotEmpty(told);

        void Try(Action action)
        {
            try
            {
                action();
            }
            catch (IOException refusal)
            {
                told.Add(refusal.Message);
            }
        }
    }

    [Fact]
    public void Files_areReadAfterAnyOneRefusal()
    {
        List<(string Attempt, RouterFilesWatcher Watcher, ResourceRegistry Registry)> agents = [];
        try
        {
            ForEachRefusal(4, (directory, nth, errno) =>
            {
                File.WriteAllText(Path.Combine(directory, "web.yaml"), Example.Document());
                ResourceRegistry registry = new(
                    new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, new RecordingLogger<RouterFilesWatcher>());
                RouterFilesWatcher watcher = new(directory, registry.Apply, TimeProvider.System, new RecordingLogger<RouterFilesWatcher>());
                agents.Add(($"{errno} for call {nth}", watcher, registry));
                return SystemCallFaults.Run(nth, errno, watcher.Start, directory);
            });
            foreach ((string attempt, _, ResourceRegistry registry) in agents)
            {
                Eventually.True(attempt, () => registry.Find(new RouterKey("default", "web"))?.Wanted is not null && registry.Faults.Count == 0);
            }
        }
        finally
        {
            foreach ((_, RouterFilesWatcher watcher, ResourceRegistry registry) in agents)
            {
                watcher.Dispose();
                registry.Dispose();
            }
        }
    }

    [Fact]
    public void Settings_areThoseOfTheFileOrTheLastGoodOnes()
    {
        ForEachRefusal(3, (directory, nth, errno) =>
        {
            string path = Path.Combine(directory, "agentd.yaml");
            string state = Path.Combine(directory, "state");
            File.WriteAllText(path, "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\ndatapath: relay\n");
            Assert.Empty(AgentConfigurationLoader.Load(path, state).Findings);
            LoadedSettings? loaded = null;
            int calls = SystemCallFaults.Run(nth, errno, () => loaded = AgentConfigurationLoader.Load(path, state), directory);
            Assert.Equal(DatapathKind.Relay, loaded!.Configuration!.Datapath);
            Assert.Equal(nth > calls, loaded.Findings.Count == 0);
            return calls;
        });
    }

    private void ForEachRefusal(int least, Func<string, int, Errno, int> attempt)
    {
        // The first time, the runtime has files of its own to open.
        attempt(NewDirectory(), int.MaxValue, Errno.ENOMEM);
        int calls = attempt(NewDirectory(), int.MaxValue, Errno.ENOMEM);
        Assert.InRange(calls, least, 200);
        for (int nth = 1; nth <= calls; nth++)
        {
            foreach (Errno errno in Refusals)
            {
                try
                {
                    attempt(NewDirectory(), nth, errno);
                }
                catch (Exception exception)
                {
                    throw new InvalidOperationException($"{errno} for call {nth} of {calls}", exception);
                }
            }
        }

        string NewDirectory() => Directory.CreateDirectory(_root[Guid.NewGuid().ToString("n")], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }
}
