using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using LiteDB;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.State;

/// <summary>
/// The state database: one document a resource, and one for what a router has counted. The files and the kernel are the truth; what is
/// kept here is what neither of them tells after a reboot. Thread-safe.
/// </summary>
internal sealed partial class LiteDbResourceStore : IResourceStore, ITrafficStore, IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _directory;
    private readonly ILogger<LiteDbResourceStore> _logger;
    private StateDatabase? _database;

    /// <param name="directory">Made when it is missing.</param>
    /// <param name="logger">For what is wrong with what was stored.</param>
    public LiteDbResourceStore(string directory, ILogger<LiteDbResourceStore> logger)
    {
        _directory = directory;
        _logger = logger;
        try
        {
            _database = StateDatabase.Open(directory);
        }
        catch (Exception)
        {
            // Whoever loads or writes is told.
        }
    }

    public event Action? Emptied;

    public string Path => System.IO.Path.Combine(_directory, StateDatabase.FileName);

    /// <summary>Records that cannot be read any more are left out, and said.</summary>
    public IReadOnlyList<ResourceRecord> Load()
    {
        lock (_lock)
        {
            return LoadBy(Read);
        }
    }

    public IReadOnlyList<TrafficRecord> LoadTraffic()
    {
        lock (_lock)
        {
            return LoadBy(database => database.Traffic.FindAll().Select(TrafficRecordDocument.Read).OfType<TrafficRecord>().ToList());
        }
    }

    public void Write(IReadOnlyCollection<ResourceRecord> changed, IReadOnlyCollection<ResourceKey> gone, Func<IEnumerable<ResourceRecord>> all)
    {
        lock (_lock)
        {
            Use(
                "written",
                database => Write(database, database.HasTexts ? all() : changed, gone),
                database => Write(database, all(), []));
        }
    }

    public void WriteTraffic(IReadOnlyCollection<TrafficRecord> changed, IReadOnlyCollection<RouterKey> gone)
    {
        lock (_lock)
        {
            Use("written", database => Write(database, changed, gone), database => Write(database, changed, gone));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            Close();
        }
    }

    // LiteDB throws whatever comes of what it met, and refuses everything afterwards until the file is opened anew.
    private T Use<T>(string what, Func<StateDatabase, T> use, Func<StateDatabase, T> useNew) => Guard(what, () =>
    {
        try
        {
            _database ??= StateDatabase.Open(_directory);
            return use(_database);
        }
        catch (Exception exception) when (StateDatabase.IsCorruption(exception))
        {
            Close();
            _database = StateDatabase.OpenAnew(_directory, aside => LogSetAside(aside, exception.Message));
            T result = useNew(_database);
            Emptied?.Invoke();
            return result;
        }
    });

    private List<T> LoadBy<T>(Func<StateDatabase, List<T>> read)
    {
        try
        {
            return Use("read", read, _ => []);
        }
        catch (IOException)
        {
            // What cannot be written can be read perhaps. If not, that is what has to be said.
            return Guard("read", () =>
            {
                using StateDatabase copy = StateDatabase.OpenCopy(_directory);
                return read(copy);
            });
        }
    }

    private T Guard<T>(string what, Func<T> use)
    {
        try
        {
            return use();
        }
        catch (Exception exception)
        {
            Close();
            throw new IOException($"the state database cannot be {what}: {exception.Message}", exception);
        }
    }

    private List<ResourceRecord> Read(StateDatabase database)
    {
        Dictionary<ResourceKey, ResourceRecord> records = [];
        foreach ((BsonDocument document, ResourceRecord? record) in database.Resources.FindAll().Select(found => (found, Read(found)))
            .Concat(database.Texts.FindAll().Select(found => (found, (ResourceRecord?)RouterRecordDocument.ReadText(found)))))
        {
            if (record is not null)
            {
                records.TryAdd(record.Id, record);
            }
            else
            {
                BsonValue id = document["_id"];
                LogUnreadable(id.IsString ? id.AsString : id.ToString());
            }
        }

        return [.. records.Values];
    }

    private static ResourceRecord? Read(BsonDocument document) =>
        document["_id"] is { IsString: true } id && id.AsString.StartsWith($"{ResourceKind.Service}/", StringComparison.Ordinal)
            ? ServiceRecordDocument.Read(document)
            : RouterRecordDocument.Read(document);

    private static BsonDocument Write(ResourceRecord record) => record switch
    {
        RouterRecord router => RouterRecordDocument.Write(router),
        ServiceRecord service => ServiceRecordDocument.Write(service),
        _ => throw new ArgumentException($"unknown record {record.GetType().Name}", nameof(record)),
    };

    private static bool Write(StateDatabase database, IEnumerable<ResourceRecord> changed, IEnumerable<ResourceKey> gone)
    {
        database.Transact(() =>
        {
            database.Resources.Upsert(changed.Select(Write));
            foreach (ResourceKey key in gone)
            {
                // What it has counted goes with it, lest one of its name goes on from there.
                database.Resources.Delete(BsonShape.IdOf(key));
                database.Traffic.Delete(BsonShape.IdOf(key));
            }
        });
        database.FinishUpgrade();
        database.Flush();
        return true;
    }

    // Texts of schema 1 are dropped with the change that writes them as resources.
    private static bool Write(StateDatabase database, IReadOnlyCollection<TrafficRecord> changed, IReadOnlyCollection<RouterKey> gone)
    {
        database.Transact(() =>
        {
            database.Traffic.Upsert(changed.Select(TrafficRecordDocument.Write));
            foreach (RouterKey key in gone)
            {
                database.Traffic.Delete(BsonShape.IdOf(key));
            }
        });
        if (!database.HasTexts)
        {
            database.FinishUpgrade();
        }

        database.Flush();
        return true;
    }

    private void Close()
    {
        StateDatabase? database = _database;
        _database = null;
        database?.Dispose();
    }

    [LoggerMessage(EventId = EventIds.StateSetAside, EventName = nameof(EventIds.StateSetAside), Level = LogLevel.Error,
        Message = "the state database could not be read ({Error}); it is kept as {Path}, and a new one is made from what the agent knows, the router files and the kernel")]
    private partial void LogSetAside(string path, string error);

    [LoggerMessage(EventId = EventIds.StateUnreadable, EventName = nameof(EventIds.StateUnreadable), Level = LogLevel.Error,
        Message = "the state of {Router} cannot be read and is made anew")]
    private partial void LogUnreadable(string router);
}
