using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

/// <summary>What the kernel lets one user have is counted for each user namespace, so that a test can use it up in one of its own.</summary>
public sealed class WithoutInotifyTests
{
    [Fact]
    public void Watcher_inANamespaceWithoutInstances_looksAndGoesBackToEvents()
    {
        Requires.Root();

        CommandResult result = Command.Run(
            "unshare", "--user", "--map-root-user", "dotnet", Path.Combine(AppContext.BaseDirectory, "egress-agentd.Tests.dll"),
            "-explicit", "only", "-noColor", "-method", $"*.{nameof(WithoutInotifyTests)}.{nameof(Watcher_withoutInstances_looksAndGoesBackToEvents)}");

        Assert.True(result.ExitCode == 0 && result.Output.Contains("Total: 1,"), result.Output + result.Errors);
    }

    [Fact(Explicit = true)]
    [Trait("Run", "ByAnotherTest")]
    public void Watcher_withoutInstances_looksAndGoesBackToEvents()
    {
        using TemporaryDirectory root = new();
        RecordingLogger<WithoutInotifyTests> log = new();
        List<RouterFile> read = [];
        string limit = File.ReadAllText(Limit).Trim();
        using (RouterFilesWatcher watcher = new(root.Path, reading => Add(read, reading), TimeProvider.System, log))
        {
            try
            {
                File.WriteAllText(Limit, "0");
                watcher.Start();
                Assert.Contains("fs.inotify.max_user_instances", Assert.Single(log.Of(EventIds.Unwatched)));
                File.WriteAllText(root["web.yaml"], Example.Document());
                Eventually.True("the router, by looking", () => Count(read) == 1);
            }
            finally
            {
                File.WriteAllText(Limit, limit);
            }

            Eventually.True("the way back", () => log.Of(EventIds.Unwatched).Count == 2);
            Assert.Contains("the kernel tells of changes", log.Of(EventIds.Unwatched)[^1]);
            File.WriteAllText(root["other.yaml"], Example.Document("other", "192.168.12.98/24"));
            Eventually.True("the other router, by an event", () => Count(read) == 2, TimeSpan.FromSeconds(1));
        }
    }

    private const string Limit = "/proc/sys/user/max_inotify_instances";

    private static void Add(List<RouterFile> read, FilesReading reading)
    {
        lock (read)
        {
            read.AddRange(reading.Read);
        }
    }

    private static int Count(List<RouterFile> read)
    {
        lock (read)
        {
            return read.Count;
        }
    }
}
