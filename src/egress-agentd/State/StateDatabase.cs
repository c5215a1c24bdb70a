using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>The open state database. After a failure, be it of a full disk only, it must be opened anew. Not thread-safe.</summary>
internal sealed class StateDatabase : IDisposable
{
    /// <summary>Its name in the state directory.</summary>
    internal const string FileName = "state.db";

    /// <summary>Raised when what is stored changes its shape; a newer database is not touched by an older agent.</summary>
    /// <remarks>2 has resources as documents, 3 the counters of routers besides, 4 the rules of a router as one text.</remarks>
    internal const int SchemaVersion = 4;

    // Of schema 1: router documents as text.
    private const string TextCollection = "routers";

    // LiteDB's; a file without one whole page would be taken for a new database.
    private const int PageSize = 8192;

    private readonly Stream _file;
    private readonly Stream _journal;
    private readonly LiteDatabase _database;

    private StateDatabase(string path, Func<string, bool, Stream> open)
    {
        _file = open(path, false);
        try
        {
            _journal = open(JournalOf(path), true);
            try
            {
                _database = OpenDatabase(path);
            }
            catch
            {
                _journal.Dispose();
                throw;
            }
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>A document a resource.</summary>
    internal ILiteCollection<BsonDocument> Resources => _database.GetCollection("resources");

    /// <summary>What routers have counted, a document each.</summary>
    internal ILiteCollection<BsonDocument> Traffic => _database.GetCollection("traffic");

    /// <summary>The documents that schema 1 left and that are still to be written as resources.</summary>
    internal ILiteCollection<BsonDocument> Texts => _database.GetCollection(TextCollection);

    /// <param name="directory">Made when it is missing.</param>
    /// <exception cref="IOException">
    /// The directory cannot be used, or the database is of a newer agent.
    /// </exception>
    internal static StateDatabase Open(string directory)
    {
        try
        {
            StateLock.CreateDirectory(directory);
            return new StateDatabase(Path.Combine(directory, FileName), OpenFile);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"state database: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// A copy in memory of a database whose directory cannot be written: what it holds can be read all the same. Changes are lost.
    /// </summary>
    /// <exception cref="IOException">It cannot be read, or is of a newer agent.</exception>
    internal static StateDatabase OpenCopy(string directory) => new(Path.Combine(directory, FileName), (path, _) =>
    {
        var copy = new MemoryStream();
        if (File.Exists(path))
        {
            using FileStream file = File.OpenRead(path);
            file.CopyTo(copy);
        }

        return copy;
    });

    /// <summary>Sets the database aside, which is broken, and opens an empty one in its place.</summary>
    /// <param name="directory">As it was opened.</param>
    /// <param name="setAside">Told the new path of the broken one.</param>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    internal static StateDatabase OpenAnew(string directory, Action<string> setAside)
    {
        setAside(SetAside(Path.Combine(directory, FileName)));
        return Open(directory);
    }

    /// <summary>
    /// LiteDB follows what it reads: of a broken page comes any exception at all. Trouble with the disk is no corruption.
    /// </summary>
    internal static bool IsCorruption(Exception exception) =>
        exception is (not (IOException or UnauthorizedAccessException)) or InvalidDataException or EndOfStreamException;

    /// <summary>
    /// Returns when every change so far is on disk, which LiteDB's own commit does not wait for. The journal is empty then, so it
    /// never grows.
    /// </summary>
    internal void Flush() => _database.Checkpoint();

    public void Dispose()
    {
        // LiteDB writes on its way out, and may fail at that.
        try
        {
            _database.Dispose();
        }
        finally
        {
            _journal.Dispose();
            _file.Dispose();
        }
    }

    /// <summary>Makes several changes as one.</summary>
    internal void Transact(Action change)
    {
        _database.BeginTrans();
        try
        {
            change();
            _database.Commit();
        }
        catch
        {
            _database.Rollback();
            throw;
        }
    }

    /// <summary>Whether there are any <see cref="Texts"/>.</summary>
    internal bool HasTexts => _database.CollectionExists(TextCollection);

    /// <summary>Makes it one of this schema, after all that is of another shape was written anew: the <see cref="Texts"/> are dropped.</summary>
    internal void FinishUpgrade()
    {
        if (_database.UserVersion != SchemaVersion)
        {
            _database.UserVersion = SchemaVersion;
        }

        if (HasTexts)
        {
            _database.DropCollection(TextCollection);
        }
    }

    private static StateFile OpenFile(string path, bool isJournal) => new(path, defersFailures: isJournal);

    private LiteDatabase OpenDatabase(string path)
    {
        if (_file.Length is > 0 and < PageSize)
        {
            throw new InvalidDataException("the file is cut off");
        }

        LiteDatabase? database = null;
        try
        {
            database = new LiteDatabase(_file, mapper: null, _journal);
            CheckSchema(database, path);

            // Reads every document, so that a broken page is found now and not in the middle of a change.
            foreach (string name in database.GetCollectionNames().ToArray())
            {
                _ = database.GetCollection(name).FindAll().Count();
            }

            return database;
        }
        catch
        {
            database?.Dispose();
            throw;
        }
    }

    private static void CheckSchema(LiteDatabase database, string path)
    {
        if (database.UserVersion == 0)
        {
            database.UserVersion = SchemaVersion;
        }
        else if (database.UserVersion > SchemaVersion)
        {
            throw new IOException(
                $"{path} was written by a newer egress-agentd (schema {database.UserVersion}, this one knows {SchemaVersion}); "
                + "install that version again, or move the file away to start anew");
        }
    }

    private static string SetAside(string path)
    {
        string aside = $"{path}.corrupt-{DateTime.UtcNow:yyyyMMddTHHmmssfffZ}";
        File.Move(path, aside);

        // The journal belongs to the file that is gone.
        string journal = JournalOf(path);
        if (new FileInfo(journal) is { Exists: true, Length: > 0 })
        {
            File.Move(journal, $"{aside}-log");
        }

        return aside;
    }

    private static string JournalOf(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!, $"{Path.GetFileNameWithoutExtension(path)}-log{Path.GetExtension(path)}");
}
