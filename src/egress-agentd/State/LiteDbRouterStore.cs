using EgressAgent.Daemon.Hosting;
using EgressAgent.Engine;
using EgressAgent.Engine.State;
using EgressAgent.Model;
using LiteDB;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.State;

/// <summary>
/// The state database: one document a router. The files and the kernel are the truth; what is kept here is what neither of them
/// tells after a reboot. Thread-safe.
/// </summary>
internal sealed partial class LiteDbRouterStore : IRouterStore, IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _directory;
    private readonly ILogger<LiteDbRouterStore> _logger;

    // What the database holds or should hold: from here it is made anew when it turns out to be broken.
    private readonly Dictionary<RouterKey, RouterRecord> _records = [];
    private StateDatabase? _database;

    /// <exception cref="IOException">The database cannot be used; one that is merely broken is set aside.</exception>
    public LiteDbRouterStore(AgentOptions options, ILogger<LiteDbRouterStore> logger)
    {
        _directory = options.State;
        _logger = logger;
        _database = StateDatabase.Open(_directory, LogSetAside);
    }

    /// <summary>Records that cannot be read any more are left out, and said. Comes before any change.</summary>
    /// <exception cref="IOException">The database cannot be read.</exception>
    public IReadOnlyList<RouterRecord> Load()
    {
        lock (_lock)
        {
            List<BsonDocument> documents = [];
            Use("read routers", database => documents = [.. database.Routers.FindAll()]);
            _records.Clear();
            foreach (BsonDocument document in documents)
            {
                if (RouterRecordDocument.Read(document) is { } record)
                {
                    _records.Add(record.Key, record);
                }
                else
                {
                    BsonValue id = document["_id"];
                    LogUnreadable(id.IsString ? id.AsString : id.ToString());
                }
            }

            return [.. _records.Values];
        }
    }

    public void Save(RouterRecord record)
    {
        lock (_lock)
        {
            _records[record.Key] = record;
            Use($"save {record.Key}", database =>
            {
                database.Routers.Upsert(RouterRecordDocument.Write(record));
                database.Flush();
            });
        }
    }

    public void Remove(RouterKey key)
    {
        lock (_lock)
        {
            _records.Remove(key);
            Use($"forget {key}", database =>
            {
                database.Routers.Delete(key.ToString());
                database.Flush();
            });
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
    private void Use(string what, Action<StateDatabase> use)
    {
        try
        {
            try
            {
                _database ??= StateDatabase.Open(_directory, LogSetAside);
                use(_database);
            }
            catch (Exception exception) when (StateDatabase.IsCorruption(exception))
            {
                Close();
                _database = StateDatabase.OpenAnew(_directory, LogSetAside, exception.Message);
                _database.Routers.Upsert(_records.Values.Select(RouterRecordDocument.Write));
                _database.Flush();
            }
        }
        catch (Exception exception)
        {
            Close();
            throw new IOException($"state database: cannot {what}: {exception.Message}", exception);
        }
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
