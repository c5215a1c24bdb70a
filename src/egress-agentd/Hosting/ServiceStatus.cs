using EgressAgent.Engine;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Hosting;

/// <summary>
/// Tells the service manager how the agent is: that it is ready, the status line, and that the reconcile loop is alive. A thread of
/// its own speaks, so that nobody waits for a manager that does not listen. Where none asked (<c>NOTIFY_SOCKET</c>), it says
/// nothing.
/// </summary>
internal sealed partial class ServiceStatus : IDisposable
{
    private const int MaxPlaces = 4;

    private readonly Reconciler _reconciler;
    private readonly ResourceRegistry _registry;
    private readonly ILogger _logger;
    private readonly TimeSpan? _watchdog = Watchdog.Interval;
    private readonly WakeSignal _news = new();
    private readonly Thread _thread;
    private volatile bool _isReady;
    private volatile bool _isStopping;

    internal ServiceStatus(Reconciler reconciler, ResourceRegistry registry, ILogger logger)
    {
        _reconciler = reconciler;
        _registry = registry;
        _logger = logger;
        _reconciler.Status.Changed += OnChanged;
        _registry.Changed += OnRegistryChanged;
        _thread = new Thread(Run) { Name = "service-status", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The first pass is over, or a reload is.</summary>
    internal void Ready()
    {
        _isReady = true;
        _news.Set();
    }

    /// <summary>Says the last word, unless the manager does not listen.</summary>
    public void Dispose()
    {
        _reconciler.Status.Changed -= OnChanged;
        _registry.Changed -= OnRegistryChanged;
        _isStopping = true;
        _news.Set();
        if (_thread.Join(TimeSpan.FromSeconds(1)))
        {
            _news.Dispose();
        }
    }

    /// <summary>One line that says whether all is well and, if not, which router or file is not and why.</summary>
    internal static string Describe(IReadOnlyList<RouterStatus> routers, IReadOnlyList<Diagnostic> faults)
    {
        if (routers.Count == 0 && faults.Count == 0)
        {
            return "no routers; put an EgressRouter file into /etc/egress-router";
        }

        List<string> counts =
        [
            .. routers
                .GroupBy(router => router.State)
                .OrderBy(group => group.Key == RouterState.Active ? -1 : (int)group.Key)
                .Select((group, index) => index == 0
                    ? $"{group.Count()} {(group.Count() == 1 ? "router" : "routers")} {group.Key.ToText()}"
                    : $"{group.Count()} {group.Key.ToText()}"),
        ];
        int files = faults.Select(fault => fault.Location.File).Where(SourceLocation.IsFile).Distinct().Count();
        if (files > 0)
        {
            counts.Add(files == 1 ? "1 file in error" : $"{files} files in error");
        }

        // The worst of them: failed, then degraded, then pending; and a fault, which may be the reason of all that.
        RouterStatus? troubled = routers.Where(router => router.State is RouterState.Failed or RouterState.Degraded or RouterState.Pending)
            .MaxBy(router => router.State);
        string? trouble = troubled is not null ? $"{troubled.Key}: {troubled.Summary}" : faults.Count > 0 ? faults[0].ToString() : null;
        return trouble is null ? string.Join(", ", counts) + Places(routers) : $"{string.Join(", ", counts)}: {trouble}";
    }

    // Where clients reach them, if the line has room for all. egressctl status has.
    private static string Places(IReadOnlyList<RouterStatus> routers)
    {
        string[] inside = [.. routers.SelectMany(router => router.Desired?.Redirect.Families ?? []).Select(family => family.Inside.ToString())];
        return inside.Length is 0 or > MaxPlaces ? "" : $" at {string.Join(", ", inside)}";
    }

    private void OnChanged(RouterTransition transition) => _news.Set();

    private void OnRegistryChanged(RegistryChange change) => _news.Set();

    private void Run()
    {
        string? told = null;
        while (!_isStopping)
        {
            if (_isReady)
            {
                string status = Describe(_reconciler.Status.All, _registry.Faults);
                if (status != told && Tell(() => told is null ? ServiceNotifier.Ready(status) : ServiceNotifier.Status(status)))
                {
                    told = status;
                }
            }

            Beat();
            _news.Wait(_watchdog / 3);
        }

        Tell(ServiceNotifier.Stopping);
    }

    // A pass that does not end is a loop that hangs: silence makes the service manager start the agent anew.
    private void Beat()
    {
        if (_watchdog is { } interval && _reconciler.LongestPass < interval)
        {
            Tell(ServiceNotifier.Alive);
        }
    }

    // Routers matter more than who watches the agent: a manager that is gone is said, and no reason to end.
    private bool Tell(Func<bool> tell)
    {
        try
        {
            return tell();
        }
        catch (LinuxException exception)
        {
            LogUntold(exception.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Error}")]
    private partial void LogUntold(string error);
}
