using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using LiteDB;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.State;

/// <summary>
/// The state database: one document a resource. The files and the kernel are the truth; what is kept here is what neither of them
/// tells after a reboot. Thread-safe.
/// </summary>
internal sealed partial class LiteDbRouterStore : IRouterStore, IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _directory;
    private readonly ILogger<LiteDbRouterStore> _logger;
    private StateDatabase? _database;

    /// <param name="directory">Made when it is missing.</param>
    /// <param name="logger">For what is wrong with what was stored.</param>
    /// <exception cref="StateInUseException">Another agent runs with it.</exception>
    public LiteDbRouterStore(string directory, ILogger<LiteDbRouterStore> logger)
    {
        _directory = directory;
        _logger = logger;
        try
        {
            _database = StateDatabase.Open(directory, LogSetAside);
        }
        catch (IOException exception) when (exception is not StateInUseException)
        {
            // Whoever loads or writes is told.
        }
    }

    public string Path => System.IO.Path.Combine(_directory, StateDatabase.FileName);

    /// <summary>Records that cannot be read any more are left out, and said.</summary>
    public IReadOnlyList<RouterRecord> Load()
    {
        lock (_lock)
        {
            try
            {
                return Use("read", Read, _ => []);
            }
            catch (IOException)
            {
                // What cannot be written can be read perhaps. If not, that is what has to be said.
                return Guard("read", () =>
                {
                    using StateDatabase copy = StateDatabase.OpenCopy(_directory);
                    return Read(copy);
                });
            }
        }
    }

    public void Write(IReadOnlyCollection<RouterRecord> changed, IReadOnlyCollection<RouterKey> gone, Func<IEnumerable<RouterRecord>> all)
    {
        lock (_lock)
        {
            Use(
                "written",
                database => Write(database, database.HasTexts ? all() : changed, gone),
                database => Write(database, all(), []));
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
            _database ??= StateDatabase.Open(_directory, LogSetAside);
            return use(_database);
        }
        catch (Exception exception) when (StateDatabase.IsCorruption(exception))
        {
            Close();
            _database = StateDatabase.OpenAnew(_directory, LogSetAside, exception.Message);
            return useNew(_database);
        }
    });

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

    private List<RouterRecord> Read(StateDatabase database)
    {
        Dictionary<RouterKey, RouterRecord> records = [];
        foreach ((BsonDocument document, RouterRecord? record) in database.Resources.FindAll().Select(found => (found, RouterRecordDocument.Read(found)))
            .Concat(database.Texts.FindAll().Select(found => (found, RouterRecordDocument.ReadText(found)))))
        {
            if (record is not null)
            {
                records.TryAdd(record.Key, record);
            }
            else
            {
                BsonValue id = document["_id"];
                LogUnreadable(id.IsString ? id.AsString : id.ToString());
            }
        }

        return [.. records.Values];
    }

    private static bool Write(StateDatabase database, IEnumerable<RouterRecord> changed, IEnumerable<RouterKey> gone)
    {
        database.Transact(() =>
        {
            database.Resources.Upsert(changed.Select(RouterRecordDocument.Write));
            foreach (RouterKey key in gone)
            {
                database.Resources.Delete(RouterRecordDocument.IdOf(key));
            }
        });
        database.FinishUpgrade();
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
