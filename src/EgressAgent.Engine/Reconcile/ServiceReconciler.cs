using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Keeps what Services share at what the files want and the routers can do, on a thread of its own. Level-triggered: whatever happens
/// only makes a pass due, and the pass looks at all Services. Routers are asked nothing but their status.
/// </summary>
internal sealed partial class ServiceReconciler : IDisposable
{
    private static readonly TimeSpan FullPassInterval = TimeSpan.FromSeconds(60);

    private readonly ReconcilerContext _context;
    private readonly ILogger _logger;
    private readonly ServiceBoard _board;
    private readonly WakeSignal _due = new();
    private readonly Dictionary<RouterKey, (bool IsAvailable, bool IsStandby, ValueList<IPAddress> Inside)> _known = [];
    private readonly ITimer _timer;
    private readonly Thread _thread;
    private Backoff _backoff;

    // As last decided: a pass that fails before may decide nothing.
    private ServiceCandidate[] _candidates = [];
    private ExternalPlan _external = new(new Dictionary<IPAddress, RouterKey>(), new Dictionary<(ResourceKey, IPAddress), PlanProblem>());
    private volatile bool _isStarted;
    private volatile bool _isStopping;

    internal ServiceReconciler(ReconcilerContext context, ServiceBoard board)
    {
        _context = context;
        _logger = context.Logger;
        _board = board;
        _timer = context.Time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Run) { Name = "services", IsBackground = true };
        context.Registry.Changed += OnRegistryChanged;
        context.Status.Changed += OnRouterChanged;
        context.Kernel.ServicesChanged += Wake;
        context.Kernel.NodeChanged += OnNodeChanged;
        context.External.HeldChanged += Wake;
        board.Changed += Tell;
    }

    /// <summary>Begins to put Services in force. Before that, what an earlier agent left stays as it is.</summary>
    internal void Start()
    {
        if (!_isStarted)
        {
            _isStarted = true;
            _thread.Start();
            Wake();
        }
    }

    public void Dispose()
    {
        _context.Registry.Changed -= OnRegistryChanged;
        _context.Status.Changed -= OnRouterChanged;
        _context.Kernel.ServicesChanged -= Wake;
        _context.Kernel.NodeChanged -= OnNodeChanged;
        _context.External.HeldChanged -= Wake;
        _isStopping = true;
        _due.Set();
        if (_isStarted)
        {
            _thread.Join();
        }

        _timer.Dispose();
        _due.Dispose();
    }

    private void Wake() => _due.Set();

    private void OnRegistryChanged(RegistryChange change) => Wake();

    private void OnRouterChanged(RouterTransition transition) => Wake();

    private void OnNodeChanged(ObservedNode node) => Wake();

    private void Run()
    {
        while (true)
        {
            _due.Wait();
            if (_isStopping)
            {
                return;
            }

            _timer.Change(Pass(), Timeout.InfiniteTimeSpan);
        }
    }

    /// <returns>When the next one is due, whatever happens.</returns>
    private TimeSpan Pass()
    {
        IReadOnlyList<RegisteredService> services = _context.Registry.Services;
        PlanProblem? problem = null;
        TimeSpan next = FullPassInterval;
        try
        {
            ObservedNode node = _context.Kernel.ObserveNode();
            _candidates = CandidatesFor(services, node);
            _external = ExternalPlanner.Plan(
                services.Select(service => service.Wanted).OfType<ServiceResource>(), _candidates, _context.External.HolderOf);
            _context.External.Assign(_external.Holders);
            foreach (RegisteredService service in services)
            {
                _context.Registry.EnsureSaved(service);
            }

            ServicePlan plan = ServicePlanner.Plan(
                services.Where(service => service is { Wanted: { Spec.IsHeadless: false } }).Select(service => (service.Wanted!, service.ClusterAddresses)),
                _candidates,
                node,
                _context.Configuration,
                out problem);
            _context.Kernel.ApplyServices(plan);
            _backoff.Reset();
        }
        catch (Exception exception) when (exception is LinuxException or IOException or UnauthorizedAccessException)
        {
            problem = new PlanProblem(exception is LinuxException ? StatusReasons.KernelRefused : StatusReasons.StateNotSaved, exception.Message);
            next = _backoff.Next();
        }
        catch (Exception exception)
        {
            // A defect. It must not end the thread.
            LogUnexpected(exception);
            problem = new PlanProblem(PlanReasons.UnexpectedError, exception.Message);
            next = _backoff.Next();
        }

        Report(services, problem);
        return next;
    }

    private void Report(IReadOnlyList<RegisteredService> services, PlanProblem? problem)
    {
        foreach (ResourceKey gone in _board.All.Select(status => status.Id).Except(services.Select(service => service.Id)))
        {
            _board.Forget(gone);
        }

        foreach (RegisteredService service in services)
        {
            ServiceCandidate[] selected = [.. _candidates.Where(candidate => service.Wanted?.Selects(candidate.Key, candidate.Labels) == true)];
            HashSet<RouterKey> chosen = [.. ChooseFrom(selected, service).Select(candidate => candidate.Key)];
            ValueList<ServiceRouter> routers =
            [
                .. selected.Select(candidate => new ServiceRouter(
                    candidate.Key, _context.Status.Find(candidate.Key)?.State ?? RouterState.Pending, chosen.Contains(candidate.Key))
                {
                    Targets =
                    [
                        .. from address in service.ClusterAddresses
                           where ServicePlanner.ChooseFrom(selected, address.Family).Contains(candidate)
                           from inside in candidate.InsideAddresses
                           where inside.AddressFamily == address.Family
                           select inside,
                    ],
                    CutOff = candidate.CutOff,
                }),
            ];
            _board.Report(new ServiceFacts(service, routers, ExternalAddressesOf(service, routers), problem, DivisionOf(routers)).ToStatus(_board.Find(service.Id), _context.Time.GetUtcNow()));
        }
    }

    private static IEnumerable<ServiceCandidate> ChooseFrom(ServiceCandidate[] selected, RegisteredService service) => service.Wanted is { Spec.IsHeadless: true }
        ? selected.Where(candidate => candidate.IsAvailable)
        : service.ClusterAddresses.SelectMany(address => ServicePlanner.ChooseFrom(selected, address.Family));

    private ValueList<ExternalAddress> ExternalAddressesOf(RegisteredService service, ValueList<ServiceRouter> routers) =>
        [.. service.Wanted?.Spec.ExternalAddresses.Select(address => ExternalAddressOf(service, address, routers)) ?? []];

    private ExternalAddress ExternalAddressOf(RegisteredService service, IPAddress address, ValueList<ServiceRouter> routers)
    {
        if (_external.Problems.TryGetValue((service.Id, address), out PlanProblem? problem))
        {
            return new ExternalAddress(address, null) { Problem = problem };
        }

        // Before a router has taken it, and also afterwards where another host uses it too.
        Trouble? trouble = _external.Holders.TryGetValue(address, out RouterKey assigned)
            ? _context.Status.Find(assigned)?.Troubles.FirstOrDefault(trouble => trouble.Subject == address.ToString())
            : null;
        return new ExternalAddress(address, _context.External.HolderOf(address) is { } holder && routers.Any(router => router.Key == holder) ? holder : null)
        {
            Problem = trouble is null ? null : new PlanProblem(trouble.Reason, trouble.Message),
        };
    }

    // A client comes to one node, and finds there what that one holds.
    private PlanProblem? DivisionOf(ValueList<ServiceRouter> routers)
    {
        (RouterKey Key, string? Holder)[] held =
        [
            .. from router in routers
               where _context.Registry.Find(router.Key) is { Wanted.Spec.Failover: FailoverMode.Cluster }
               select (router.Key, _context.Cluster?.Find(router.Key).Holder) into pair
               where pair.Holder is not null
               select pair,
        ];
        return held.DistinctBy(router => router.Holder).Count() < 2 ? null : new PlanProblem(
            StatusReasons.HeldByDifferentNodes,
            $"its routers are held by different nodes, {string.Join(", ", held.Select(router => $"{router.Key} by {router.Holder}"))}, so that no node serves by all of them; "
                + "on one of these nodes release what it holds: egressctl release ROUTER");
    }

    private ServiceCandidate[] CandidatesFor(IReadOnlyList<RegisteredService> services, ObservedNode node)
    {
        // There may be hundreds of routers, and whatever happens to one makes a pass due.
        if (services.Count == 0)
        {
            _known.Clear();
            return [];
        }

        return [.. _context.Registry.Routers.Select(router => CandidateOf(router, node)).OfType<ServiceCandidate>()];
    }

    private ServiceCandidate? CandidateOf(RegisteredRouter router, ObservedNode node)
    {
        if (router is not { Wanted: { } wanted, IsRemoved: false })
        {
            _known.Remove(router.Key);
            return null;
        }

        // While a router is being changed it is not known what it can do: what it could it is taken to do still.
        RouterStatus? status = _context.Status.Find(router.Key);
        (bool isAvailable, bool isStandby, ValueList<IPAddress> inside) = _known.GetValueOrDefault(router.Key, (false, false, []));
        if (status?.Condition(ConditionType.Available).Status is { } isKnown)
        {
            isAvailable = isKnown && status.Troubles.All(trouble => trouble.Reason != PlanReasons.MasterDown);
            isStandby = status.Condition(ConditionType.Available).Reason == StatusReasons.Standby;
            inside = isKnown ? [.. status.Desired?.ServiceLink?.Families.Select(family => family.Inside) ?? []] : inside;
        }

        _known[router.Key] = (isAvailable, isStandby, inside);
        return new ServiceCandidate(router.Key, wanted.Labels, inside, isAvailable, status?.Desired?.Veth.Mtu ?? int.MaxValue, CutOffOf(status))
        {
            IsStandby = isStandby,
            ReservedAddresses = [.. wanted.Spec.Addresses.Select(address => address.Address.Address)],
            Networks = ExternalPlaces.NetworksOf(wanted.Spec, node.Links.FirstOrDefault(link => link.Index == status?.Desired?.Macvlan.MasterIndex)),
        };
    }

    // Both troubles are of one gateway.
    private static ValueList<AddressFamily> CutOffOf(RouterStatus? status) =>
    [
        .. status?.Troubles.Where(trouble => trouble.Reason is PlanReasons.GatewayIsTheNode or StatusReasons.GatewayUnreachable)
            .Select(trouble => IPAddress.Parse(trouble.Subject).AddressFamily).Distinct() ?? [],
    ];

    private void Tell(ServiceTransition transition)
    {
        Condition? before = transition.Before?.Condition(ConditionType.Available);
        Condition? after = transition.After?.Condition(ConditionType.Available);
        string service = $"{transition.Id.Namespace}/{transition.Id.Name}";
        if (after is null)
        {
            LogRemoved(service);
        }
        else if (after.Status == false && (before?.Reason, before?.Message) != (after.Reason, after.Message))
        {
            LogUnavailable(service, after.Message, after.Reason);
        }
        else if (after.Status == true && before?.Message != after.Message)
        {
            LogAvailable(service, after.Message);
        }

        Condition? division = DivisionIn(transition.After);
        Condition? formerDivision = DivisionIn(transition.Before);
        if (division is not null && division.Message != formerDivision?.Message)
        {
            LogUnavailable(service, division.Message, division.Reason);
        }
        else if (division is null && formerDivision is not null && after is not null)
        {
            LogAvailable(service, $"over: {formerDivision.Message}");
        }

        ExternalAddress[] former = TroubledOf(transition.Before);
        ExternalAddress[] present = TroubledOf(transition.After);
        foreach (ExternalAddress begun in present.Where(address => !former.Any(other => other.Address.Equals(address.Address) && other.Problem == address.Problem)))
        {
            LogExternal(service, begun.Problem!.Message, begun.Problem.Reason);
        }

        // What is worded anew is not over.
        foreach (ExternalAddress over in former.Where(_ => after is not null).Where(address => !present.Any(other => IsSameTrouble(other, address))))
        {
            LogExternalOver(service, over.Problem!.Message);
        }
    }

    private static bool IsSameTrouble(ExternalAddress one, ExternalAddress other) => one.Address.Equals(other.Address) && one.Problem!.Reason == other.Problem!.Reason;

    private static Condition? DivisionIn(ServiceStatus? status) =>
        status?.Condition(ConditionType.Degraded) is { Reason: StatusReasons.HeldByDifferentNodes } condition ? condition : null;

    private static ExternalAddress[] TroubledOf(ServiceStatus? status) => [.. status?.ExternalAddresses.Where(address => address.Problem is not null) ?? []];

    [LoggerMessage(EventId = EventIds.ServiceUnavailable, EventName = nameof(EventIds.ServiceUnavailable), Level = LogLevel.Warning,
        Message = "Service {Service}: {Problem} ({Reason})")]
    private partial void LogUnavailable(string service, string problem, string reason);

    [LoggerMessage(EventId = EventIds.ServiceUnavailable, Level = LogLevel.Information, Message = "Service {Service}: {Message}")]
    private partial void LogAvailable(string service, string message);

    [LoggerMessage(EventId = EventIds.ExternalAddress, EventName = nameof(EventIds.ExternalAddress), Level = LogLevel.Warning,
        Message = "Service {Service}: {Problem} ({Reason})")]
    private partial void LogExternal(string service, string problem, string reason);

    [LoggerMessage(EventId = EventIds.ExternalAddress, Level = LogLevel.Information, Message = "Service {Service}: over: {Problem}")]
    private partial void LogExternalOver(string service, string problem);

    [LoggerMessage(EventId = EventIds.Removed, EventName = nameof(EventIds.Removed), Level = LogLevel.Information, Message = "Service {Service}: removed")]
    private partial void LogRemoved(string service);

    [LoggerMessage(EventId = EventIds.WorkerFailed, EventName = nameof(EventIds.WorkerFailed), Level = LogLevel.Error, Message = "the Services: an unexpected error, please report it")]
    private partial void LogUnexpected(Exception exception);
}
