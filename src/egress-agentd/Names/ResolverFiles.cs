using System.Text;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Daemon.Names;

/// <summary>
/// A resolv.conf for each router, for processes that root puts into its netns, where no resolver of the node is: as long as there is the
/// router, also while the agent is stopped. It follows the node's. A file is written in place, so that one that is mounted elsewhere
/// changes too, and at no moment names others than those before or those after.
/// </summary>
internal sealed class ResolverFiles : IDisposable
{
    internal const string Name = "resolv.conf";

    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly Lock _lock = new();
    private readonly ResourceRegistry _registry;
    private readonly string _directory;
    private readonly string _node;
    private readonly string _upstream;
    private readonly DirectoryWatch? _watch;
    private readonly Thread? _thread;
    private ValueList<Diagnostic> _noted = [];
    private bool _isKnown;

    /// <param name="registry">Whose routers there are, and which tells what is wrong with the files.</param>
    /// <param name="runtime">The directory for what lasts until the next boot.</param>
    /// <param name="node">The node's own file.</param>
    /// <param name="upstream">The file of systemd-resolved that names the servers that it asks.</param>
    internal ResolverFiles(ResourceRegistry registry, string runtime, string node, string upstream)
    {
        _registry = registry;
        _directory = DirectoryIn(runtime);
        _node = node;
        _upstream = upstream;
        registry.Changed += OnChanged;
        _watch = TryWatch();
        Update(isKnown: registry.Routers.Count > 0);
        if (_watch is not null)
        {
            _thread = new Thread(Run) { Name = "resolvers", IsBackground = true };
            _thread.Start();
        }
    }

    /// <summary>Where the directories of routers are, each called as its netns without the agent's prefix.</summary>
    internal static string DirectoryIn(string runtime) => Path.Combine(runtime, "netns");

    public void Dispose()
    {
        _registry.Changed -= OnChanged;
        _watch?.Cancel();
        _thread?.Join();
        _watch?.Dispose();
    }

    private void OnChanged(RegistryChange change)
    {
        if (change.Resources.Count > 0)
        {
            Update(isKnown: true);
        }
    }

    // Without a watch the files follow with the next change of a router.
    private DirectoryWatch? TryWatch()
    {
        try
        {
            DirectoryWatch? watch = DirectoryWatch.TryOpen(Path.GetDirectoryName(_node)!);
            WatchTargets(watch);
            return watch;
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    // The node's file is a link, more often than not.
    private void WatchTargets(DirectoryWatch? watch)
    {
        IEnumerable<string> files = new[] { _upstream, TargetOf(_node) }.OfType<string>();
        watch?.WatchElsewhere(
            files.GroupBy(file => Path.GetDirectoryName(file)!).ToDictionary(group => group.Key, IReadOnlySet<string> (group) => group.Select(file => Path.GetFileName(file)).ToHashSet()),
            new HashSet<string>());
    }

    private static string? TargetOf(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: true)?.FullName;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Run()
    {
        try
        {
            for (DirectoryChange change = _watch!.Wait(); !change.IsLost; change = _watch.Wait())
            {
                if (change.IsOverflow || change.Elsewhere.Count > 0 || change.Names.Contains(Path.GetFileName(_node)))
                {
                    WatchTargets(_watch);
                    Update(isKnown: false);
                }
            }
        }
        catch (LinuxException)
        {
            // As when it cannot be watched.
        }
    }

    // Until the first file was read, what an earlier agent left stays.
    private void Update(bool isKnown)
    {
        lock (_lock)
        {
            _isKnown |= isKnown;
            ValueList<Diagnostic> findings = _isKnown ? TryWrite() : [];
            if (findings != _noted)
            {
                _noted = findings;
                _registry.NoteResolvers(findings);
            }
        }
    }

    private ValueList<Diagnostic> TryWrite()
    {
        try
        {
            Write(_registry.Routers.Where(router => !router.IsRemoved).Select(router => RouterNames.Directory(router.Key)).ToHashSet());
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [new Diagnostic(new SourceLocation(_directory, 0, 0), "", $"the resolv.conf of routers cannot be written: {exception.Message}; it is tried again with the next change")];
        }
    }

    private void Write(HashSet<string> routers)
    {
        Directory.CreateDirectory(_directory, DirectoryMode);
        foreach (string gone in Directory.GetDirectories(_directory).Where(directory => !routers.Contains(Path.GetFileName(directory))))
        {
            Directory.Delete(gone, recursive: true);
        }

        byte[] content = Encoding.UTF8.GetBytes(ResolverText.Compose(_node, TryRead(_node), TryRead(_upstream)));
        foreach (string router in routers)
        {
            string directory = Path.Combine(_directory, router);
            Directory.CreateDirectory(directory, DirectoryMode);
            WriteInPlace(Path.Combine(directory, Name), content);
        }
    }

    private static string? TryRead(string path) => File.Exists(path) ? File.ReadAllText(path) : null;

    // What the former content was longer by is empty lines until the file is cut there.
    private static void WriteInPlace(string path, byte[] content)
    {
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            return;
        }

        using FileStream file = new(path, new FileStreamOptions
        {
            Mode = System.IO.FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            BufferSize = 0,
            UnixCreateMode = FileMode,
        });
        byte[] whole = [.. content, .. Enumerable.Repeat((byte)'\n', (int)Math.Max(0, file.Length - content.Length))];
        RandomAccess.Write(file.SafeFileHandle, whole, fileOffset: 0);
        file.SetLength(content.Length);
    }
}
