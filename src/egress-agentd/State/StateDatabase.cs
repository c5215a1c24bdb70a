using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>The open state database. After a failure, be it of a full disk only, it must be opened anew. Not thread-safe.</summary>
internal sealed class StateDatabase : IDisposable
{
    /// <summary>Its name in the state directory.</summary>
    internal const string FileName = "state.db";

    /// <summary>Raised when what is stored changes its shape; a newer database is not touched by an older agent.</summary>
    internal const int SchemaVersion = 2;

    // Of schema 1: router documents as text.
    private const string TextCollection = "routers";

    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // LiteDB's; a file without one whole page would be taken for a new database.
    private const int PageSize = 8192;

    // What .NET makes of a file that is locked.
    private const int EWOULDBLOCK = 11;

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
                _database = Open(path);
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

    /// <summary>The documents that schema 1 left and that are still to be written as resources.</summary>
    internal ILiteCollection<BsonDocument> Texts => _database.GetCollection(TextCollection);

    /// <param name="directory">Made when it is missing.</param>
    /// <param name="setAside">Told the new path of a database that could not be read, and why.</param>
    /// <exception cref="IOException">
    /// The directory cannot be used, or the database is of a newer agent.
    /// </exception>
    /// <exception cref="StateInUseException">Another agent runs with it.</exception>
    internal static StateDatabase Open(string directory, Action<string, string> setAside)
    {
        string path = Path.Combine(directory, FileName);
        try
        {
            Directory.CreateDirectory(directory, DirectoryMode);
            try
            {
                return new StateDatabase(path, OpenFile);
            }
            catch (Exception exception) when (IsCorruption(exception))
            {
                setAside(SetAside(path), exception.Message);
                return new StateDatabase(path, OpenFile);
            }
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

    /// <summary>Sets the database aside, which is broken but was opened, and opens an empty one in its place.</summary>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    internal static StateDatabase OpenAnew(string directory, Action<string, string> setAside, string reason)
    {
        string path = Path.Combine(directory, FileName);
        setAside(SetAside(path), reason);
        return Open(directory, setAside);
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

    /// <summary>Drops the <see cref="Texts"/>, after they were written as resources.</summary>
    internal void FinishUpgrade()
    {
        if (HasTexts)
        {
            _database.UserVersion = SchemaVersion;
            _database.DropCollection(TextCollection);
        }
    }

    private static StateFile OpenFile(string path, bool isJournal)
    {
        try
        {
            return new StateFile(path, defersFailures: isJournal);
        }
        catch (IOException exception) when (exception.HResult == EWOULDBLOCK)
        {
            throw new StateInUseException(path);
        }
    }

    private LiteDatabase Open(string path)
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

/// <summary>Another agent runs with the state database.</summary>
internal sealed class StateInUseException(string path)
    : IOException($"{path} is in use by another egress-agentd; only one can run with a state directory (systemctl status egress-agentd)");
