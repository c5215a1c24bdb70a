using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>The open state database. After a failure, be it of a full disk only, it must be opened anew. Not thread-safe.</summary>
internal sealed class StateDatabase : IDisposable
{
    /// <summary>Raised when what is stored changes its shape; a newer database is not touched by an older agent.</summary>
    internal const int SchemaVersion = 1;

    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // LiteDB's; a file without one whole page would be taken for a new database.
    private const int PageSize = 8192;

    private readonly StateFile _file;
    private readonly StateFile _journal;
    private readonly LiteDatabase _database;

    private StateDatabase(string path)
    {
        _file = new StateFile(path, defersFailures: false);
        try
        {
            _journal = new StateFile(JournalOf(path), defersFailures: true);
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

    internal ILiteCollection<BsonDocument> Routers => _database.GetCollection("routers");

    /// <param name="directory">Made when it is missing.</param>
    /// <param name="setAside">Told the new path of a database that could not be read, and why.</param>
    /// <exception cref="IOException">
    /// The directory cannot be used, another agent runs with it, or the database is of a newer agent.
    /// </exception>
    internal static StateDatabase Open(string directory, Action<string, string> setAside)
    {
        string path = Path.Combine(directory, Paths.DatabaseName);
        try
        {
            Directory.CreateDirectory(directory, DirectoryMode);
            try
            {
                return new StateDatabase(path);
            }
            catch (Exception exception) when (IsCorruption(exception))
            {
                setAside(SetAside(path), exception.Message);
                return new StateDatabase(path);
            }
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"state database: {exception.Message}", exception);
        }
    }

    /// <summary>Sets the database aside, which is broken but was opened, and opens an empty one in its place.</summary>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    internal static StateDatabase OpenAnew(string directory, Action<string, string> setAside, string reason)
    {
        string path = Path.Combine(directory, Paths.DatabaseName);
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
