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
    private StateDatabase? _database;

    /// <exception cref="IOException">The database cannot be used; one that is merely broken is set aside.</exception>
    public LiteDbRouterStore(AgentOptions options, ILogger<LiteDbRouterStore> logger)
    {
        _directory = options.State;
        _logger = logger;
        _database = StateDatabase.Open(_directory, LogSetAside);
    }

    /// <summary>Records that cannot be read any more are left out, and said.</summary>
    /// <exception cref="IOException">The database cannot be read.</exception>
    public IReadOnlyList<RouterRecord> Load()
    {
        List<RouterRecord> records = [];
        foreach (BsonDocument document in Use("read routers", database => database.Routers.FindAll().ToList()))
        {
            if (RouterRecordDocument.Read(document) is { } record)
            {
                records.Add(record);
            }
            else
            {
                BsonValue id = document["_id"];
                LogUnreadable(id.IsString ? id.AsString : id.ToString());
            }
        }

        return records;
    }

    public void Save(RouterRecord record) => Write($"save {record.Key}", routers => routers.Upsert(RouterRecordDocument.Write(record)));

    public void Remove(RouterKey key) => Write($"forget {key}", routers => routers.Delete(key.ToString()));

    public void Dispose()
    {
        lock (_lock)
        {
            Close();
        }
    }

    private void Write(string what, Func<ILiteCollection<BsonDocument>, bool> write) => Use(what, database =>
    {
        bool isChanged = write(database.Routers);
        database.Flush();
        return isChanged;
    });

    // LiteDB throws whatever comes of what it met, and refuses everything afterwards until the file is opened anew.
    private T Use<T>(string what, Func<StateDatabase, T> use)
    {
        lock (_lock)
        {
            try
            {
                _database ??= StateDatabase.Open(_directory, LogSetAside);
                return use(_database);
            }
            catch (Exception exception)
            {
                Close();
                throw new IOException($"state database: cannot {what}: {exception.Message}", exception);
            }
        }
    }

    private void Close()
    {
        _database?.Dispose();
        _database = null;
    }

    [LoggerMessage(EventId = EventIds.StateSetAside, EventName = nameof(EventIds.StateSetAside), Level = LogLevel.Error,
        Message = "the state database could not be read ({Error}); it is kept as {Path}, and a new one is made from the router files and the kernel")]
    private partial void LogSetAside(string path, string error);

    [LoggerMessage(EventId = EventIds.StateUnreadable, EventName = nameof(EventIds.StateUnreadable), Level = LogLevel.Error,
        Message = "the state of {Router} cannot be read and is made anew")]
    private partial void LogUnreadable(string router);
}
