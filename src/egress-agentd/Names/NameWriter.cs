using EgressAgent.Engine;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>
/// Keeps names at what the registry knows, for resolvers on this node. They are written before anything is built, and stay when the
/// agent stops: a name that vanished would send its clients to the partner directly, from the node's address.
/// </summary>
internal sealed class NameWriter : IDisposable
{
    private readonly Lock _lock = new();
    private readonly WakeSignal _due = new();
    private readonly ResourceRegistry _registry;
    private readonly HostsDirectory _directory;
    private readonly IReadOnlyList<NamePlace> _nodePlaces;
    private readonly bool _isForNode;
    private readonly HostsWatch? _watch;
    private readonly Thread? _thread;
    private ValueList<Diagnostic> _directoryFindings = [];
    private ValueList<Diagnostic> _nodeFindings = [];
    private ValueList<Diagnostic> _noted = [];
    private volatile bool _isKnown;
    private volatile bool _isStopping;

    /// <param name="registry">Whose routers and Services to name, and which tells what is wrong with that.</param>
    /// <param name="directory">Where dnsmasq looks.</param>
    /// <param name="hosts">The node's own hosts file.</param>
    /// <param name="records">What systemd-resolved serves.</param>
    /// <param name="isForNode">Whether the node itself is to have the names, in the last two. If not, they are taken out there.</param>
    internal NameWriter(ResourceRegistry registry, HostsDirectory directory, EtcHosts hosts, StaticRecords records, bool isForNode)
    {
        _registry = registry;
        _directory = directory;
        _nodePlaces = [hosts, records];
        _isForNode = isForNode;

        // What the state knows is there before the first file was read. Without it, what an earlier agent left stays until then.
        registry.Changed += OnChanged;
        if (registry.Routers.Count + registry.Services.Count > 0)
        {
            _isKnown = true;
        }

        WriteDirectory();

        // What somebody writes after the first look at the file is seen.
        HostsWatch? watch = HostsWatch.TryStart(hosts.Path, _due.Set);
        WriteForNode();
        if (!isForNode && _nodeFindings.Count == 0)
        {
            watch?.Dispose();
            return;
        }

        _watch = watch;
        _thread = new Thread(Run) { Name = "names", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Where names are, with the paths of this system.</summary>
    /// <param name="runtime">The directory for what lasts until the next boot.</param>
    /// <param name="owner">Whose they are.</param>
    internal static (HostsDirectory Directory, EtcHosts Hosts, StaticRecords Records) PlacesOf(string runtime, AgentOwner owner)
    {
        EtcHosts hosts = new(Paths.Hosts, owner, () => File.ReadAllText("/proc/sys/kernel/hostname").TrimEnd());
        string name = owner.StateDirectory == RealPath.Of(Paths.State) ? "egress-agentd" : $"egress-agentd-{owner.Id}";
        return (new HostsDirectory(runtime), hosts, new StaticRecords(Paths.Resolve, name, hosts));
    }

    public void Dispose()
    {
        _registry.Changed -= OnChanged;
        _watch?.Dispose();
        _isStopping = true;
        _due.Set();
        _thread?.Join();
        _due.Dispose();
    }

    private IReadOnlyList<NameLine> Lines => HostsFile.Lines(_registry.Routers, _registry.Services);

    private void OnChanged(RegistryChange change)
    {
        if (change.Resources.Count > 0)
        {
            _isKnown = true;
        }

        if (change.Resources.Count > 0 || _noted.Any(finding => finding.Severity == DiagnosticSeverity.Error))
        {
            WriteDirectory();
            _due.Set();
        }
    }

    private void WriteDirectory()
    {
        if (!_isKnown)
        {
            return;
        }

        lock (_lock)
        {
            _directoryFindings = Write(_directory, Lines);
            Note();
        }
    }

    // The node's hosts file is on a disk, for which nobody else waits.
    private void Run()
    {
        do
        {
            _due.Wait();
            WriteForNode();
        }
        while (!_isStopping);
    }

    private void WriteForNode()
    {
        if (_isForNode && !_isKnown)
        {
            return;
        }

        IReadOnlyList<NameLine> lines = _isForNode ? Lines : [];
        ValueList<Diagnostic> findings = [.. _nodePlaces.SelectMany(place => Write(place, lines))];
        lock (_lock)
        {
            _nodeFindings = findings;
            Note();
        }
    }

    private void Note()
    {
        ValueList<Diagnostic> findings = [.. _directoryFindings, .. _nodeFindings];
        if (findings != _noted)
        {
            _noted = findings;
            _registry.NoteNames(findings);
        }
    }

    private static ValueList<Diagnostic> Write(NamePlace place, IReadOnlyList<NameLine> lines)
    {
        try
        {
            return place.Write(lines);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or LinuxException)
        {
            return [new Diagnostic(new SourceLocation(place.Path, 0, 0), "", $"the names of Services cannot be written: {exception.Message}; it is tried again with the next change")];
        }
    }
}
