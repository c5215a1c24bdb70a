using System.Net.Sockets;
using EgressAgent.Engine.Flows;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using DatapathKind = EgressAgent.Model.Resources.DatapathKind;

namespace EgressAgent.Engine.Kernel;

/// <summary>One router in the real kernel: takes the steps. How it looks there <see cref="RouterObserver"/> reads.</summary>
internal sealed class LinuxKernelRouter : IKernelRouter
{
    private readonly RouterKey _key;
    private readonly NetworkNamespace _node;
    private readonly ChangeMonitor _monitor;
    private readonly RouterEars _ears;
    private readonly NodeState _nodeState;
    private readonly RouteNetlink _nodeRoute;
    private readonly RouterNetns _netns;
    private readonly RouterLinks _links;
    private readonly ServiceCable _serviceCable;
    private readonly AddressClaims _claims;
    private readonly RedirectEngine _redirect;
    private readonly RouterObserver _observer;
    private readonly GatewayWatch _gateways;
    private readonly FlowExchange? _flows;

    // To read them takes longer than all else of a look. The look that follows steps which change none need not do so again.
    private KnownSettings? _settings;
    private bool _hasStepped;

    // While settings are set one after the other.
    private SysctlWriter? _writer;

    // Whether all flows of the netns are this agent's.
    private bool _isNew;

    internal LinuxKernelRouter(
        RouterKey key, AgentOwner owner, NetworkNamespace node, RouteNetlink nodeRoute, ChangeMonitor monitor, RelayHost relays, RulesetNotes? notes,
        RouterNotes? announced, GatewayWatch gateways, Fence fence, FlowExchange? flows, TimeProvider time)
    {
        Ownership ownership = new(owner, key);
        _key = key;
        _gateways = gateways;
        _flows = flows;
        _node = node;
        _monitor = monitor;
        _ears = monitor.Register(key);
        _nodeState = monitor.Node;
        _nodeRoute = nodeRoute;
        _netns = new RouterNetns(key, ownership, _ears);
        _links = new RouterLinks(key, owner, ownership, node, nodeRoute, _netns, fence);
        _serviceCable = new ServiceCable(RouterNames.NodeLink(key), owner, _netns);
        _claims = new AddressClaims(_ears, _netns, node, monitor, time, announced);
        _redirect = new RedirectEngine(key, relays, notes);
        _observer = new RouterObserver(key, _ears, ownership, node, nodeRoute, _netns, monitor.Node, _serviceCable, _redirect, _claims, gateways, _links);
    }

    public ObservedRouter Observe()
    {
        StopWriting();
        _ears.BeginLook();
        KnownSettings? known = _hasStepped ? _settings : null;
        (_settings, _hasStepped) = (null, false);
        ObservedRouter observed = _observer.Observe(known);
        _settings = _netns.IsOpen && observed.WhyForeign is null ? new KnownSettings(_netns.Namespace.Id, observed.Sysctls) : null;
        return observed;
    }

    public void Dispose()
    {
        StopWriting();
        _flows?.Stop(_key);
        _gateways.Stop(_netns);
        _claims.Dispose();
        if (_netns.IsOpen)
        {
            _monitor.FlowEnds?.Leave(_key, _netns.Namespace.Id);
        }

        _netns.Dispose();
        _ears.Dispose();
    }

    public void Apply(RouterStep step)
    {
        _ears.BeginSteps();
        (KnownSettings? settings, _settings) = (_settings, null);
        if (step is not SetSysctl)
        {
            StopWriting();
        }

        Take(step);
        _settings = step is ApplyRedirect or HearOthers or AskGateways or Announce or RecheckAddress ? settings : null;
        _hasStepped = true;
    }

    private void StopWriting()
    {
        _writer?.Dispose();
        _writer = null;
    }

    private void Take(RouterStep step)
    {
        switch (step)
        {
            case LetGoOfNetns:
                _redirect.Stop();
                LeaveNetwork();
                _flows?.Stop(_key);
                _netns.LetGo(netns => _monitor.FlowEnds?.Finish(_key, netns));
                break;
            case HoldInsideNetwork hold:
                HeldNetworks.Hold(_nodeRoute, hold.Network);
                break;
            case CreateNetns:
                _netns.Create();
                _isNew = true;
                break;
            case MarkNetns:
                _netns.Mark();
                break;
            case MarkClaim { IsClaimed: true }:
                _netns.Route.AddLinkAltName(RequiredLink(NetworkSide.Router, "lo").Index, RouterNames.ClaimMark);
                break;
            case MarkClaim:
                _netns.Route.RemoveLinkAltName(RequiredLink(NetworkSide.Router, "lo").Index, RouterNames.ClaimMark);
                break;
            case StandBy:
                BeSilent();
                break;
            case SetSysctl set:
                // A kernel without IPv6 has none of its settings, and none of its packets.
                _writer ??= new SysctlWriter(_netns.Namespace);
                _writer.Set(set.Entry.Key, set.Entry.Value);
                break;
            case ApplyRedirect apply:
                Redirect(apply.Plan);
                break;
            case OffloadFlows offload:
                _redirect.Offload(offload.Link, _netns.Namespace);
                break;
            case SetLinkGroup group:
                _netns.Route.SetLinkGroup(RequiredLink(NetworkSide.Router, group.Link).Index, LinkGroups.All[group.Link]);
                break;
            case SetLoopbackUp:
                _netns.Route.SetLinkUp(RequiredLink(NetworkSide.Router, "lo").Index, up: true);
                break;
            case RemoveVeth:
                _links.RemoveVeth();
                break;
            case CreateVeth create:
                _links.CreateVeth(create.Veth);
                break;
            case ConfigureVeth configure:
                _links.ConfigureVeth(configure.Veth);
                break;
            case RemoveServiceLink:
                _serviceCable.Remove();
                break;
            case CreateServiceLink create:
                _serviceCable.Create(create.Link);
                break;
            case ConfigureServiceLink configure:
                _serviceCable.Configure(configure.Link);
                break;
            case RemoveMacvlan:
                LeaveNetwork();
                _links.RemoveMacvlan();
                break;
            case CreateMacvlan create:
                _links.CreateMacvlan(create.Macvlan);
                break;
            case ConfigureMacvlan configure:
                if (configure.Macvlan.IsUp)
                {
                    RestoreFlows();
                }

                _links.ConfigureMacvlan(configure.Macvlan);
                break;
            case FenceMacvlan fence:
                _links.FenceMacvlan(fence.IsFenced);
                break;
            case CutOffMacvlan:
                _netns.Route.SetLinkUp(OutsideLink.Index, up: false);
                break;
            case AddInsideAddress add:
                AddInsideAddress(add.Entry);
                break;
            case ClaimAddress claim:
                _claims.Claim(claim, RequiredLink(NetworkSide.Router, claim.Entry.Link));
                break;
            case HearOthers hear:
                _claims.Hear(OutsideLink, hear.Addresses, hear.Check);
                break;
            case AskGateways { Gateways.Count: 0 }:
                _gateways.Stop(_netns);
                break;
            case AskGateways ask:
                _claims.HearQuestionsTo(ask.Gateways);
                _gateways.Start(_key, _netns, OutsideLink.Index, ask.Gateways, ask.IsOften);
                break;
            case RemoveAddress remove:
                // From it they may be asked. They are asked again when the next address is there.
                if (remove.Entry.Link == RouterNames.OutsideLink)
                {
                    _gateways.Stop(_netns);
                }

                NetlinkOf(remove.Entry.Side).RemoveAddress(ToKernel(remove.Entry));
                break;
            case SetRoute set:
                NetlinkOf(set.Entry.Side).ReplaceRoute(KernelEntries.ToKernel(set.Entry, RequiredLink(set.Entry.Side, set.Entry.Link).Index));
                break;
            case RemoveRoute remove:
                RemoveRoutes(remove.Entry);
                break;
            case AddRule add:
                _netns.Route.AddRule(KernelEntries.ToKernel(add.Entry));
                break;
            case RemoveRule remove:
                RemoveRules(remove.Entry);
                break;
            case Announce announce:
                _claims.Announce(OutsideLink, announce);
                break;
            case RecheckAddress recheck:
                _claims.Recheck(OutsideLink, recheck);
                break;
            case DeleteNetns:
                _redirect.Remove();
                LeaveNetwork();
                _flows?.Stop(_key);
                _claims.Forget();
                EndFlows();
                _netns.Delete();
                break;
            default:
                throw new ArgumentException($"unknown step {step.GetType().Name}", nameof(step));
        }
    }

    // Before the first packet that would belong to one of them.
    private void RestoreFlows()
    {
        if (_flows?.Take(_key) is { Count: > 0 } flows)
        {
            (int count, LinuxException? refusal) = _redirect.Restore(flows, _netns.Namespace);
            _flows.NoteRestored(_key, count, refusal);
        }

        _flows?.Share(_key, _netns.Namespace);
    }

    // The macvlan is down first: the resets of the relay go to clients alone.
    private void BeSilent()
    {
        if (_netns.Route.GetLink(RouterNames.OutsideLink) is { } link)
        {
            _netns.Route.SetLinkUp(link.Index, up: false);
        }

        LeaveNetwork();
        _flows?.Stop(_key);
        _claims.Withdraw();
        _redirect.CutFlows(_netns.Namespace);
    }

    private void LeaveNetwork()
    {
        _claims.StopHearing();
        _gateways.Stop(_netns);
    }

    // Who hears of the kernel's flows is there before the first of them, and until the last one is cut. What goes through the relay the
    // relay counts itself.
    private void Redirect(RedirectPlan plan)
    {
        if (plan.Datapath == DatapathKind.Kernel)
        {
            _monitor.FlowEnds?.Listen(plan, _netns.Namespace, _isNew);
            _isNew = true;
        }

        _redirect.Apply(plan, _netns.Namespace);
        if (plan.Datapath != DatapathKind.Kernel)
        {
            _monitor.FlowEnds?.Stop(_key);
            _isNew = true;
        }
    }

    // The other links went before.
    private void EndFlows()
    {
        if (_netns.IsOpen)
        {
            _netns.Route.RemoveLinkByName(RouterNames.ServiceLink);
            _monitor.FlowEnds?.Finish(_key, _netns.Namespace);
        }
    }

    private void AddInsideAddress(AddressEntry entry)
    {
        LinkAddress address = ToKernel(entry);
        if (entry.Side == NetworkSide.Node && entry.Address.Family == AddressFamily.InterNetworkV6)
        {
            // A node whose new links begin without IPv6 has it all the same.
            Sysctl.Set(_node, $"net/ipv6/conf/{entry.Link}/disable_ipv6", 0);
        }

        NetlinkOf(entry.Side).ReplaceAddress(address with { Flags = AddressFlags.NoDad });
        if (entry.Side == NetworkSide.Node)
        {
            _nodeState.ReadAddresses(address.LinkIndex);
        }
    }

    private Link OutsideLink => RequiredLink(NetworkSide.Router, RouterNames.OutsideLink);

    private RouteNetlink NetlinkOf(NetworkSide side) => side == NetworkSide.Node ? _nodeRoute : _netns.Route;

    private Link RequiredLink(NetworkSide side, string name) => NetlinkOf(side).GetRequiredLink(name);

    private LinkAddress ToKernel(AddressEntry entry) => KernelEntries.ToKernel(entry, RequiredLink(entry.Side, entry.Link).Index);

    // A route that somebody else made may have a protocol and a metric that an entry does not hold, so the kernel's own is
    // named to it.
    private void RemoveRoutes(RouteEntry entry)
    {
        RouteNetlink route = NetlinkOf(entry.Side);
        if (route.GetLink(entry.Link) is not { } link)
        {
            return;
        }

        IReadOnlyList<Route> present = route.GetRoutes((uint)entry.Table, entry.Destination.BaseAddress.AddressFamily);
        foreach (Route found in present.Where(found => KernelEntries.ToEntries(entry.Side, [found], [link]).Contains(entry)))
        {
            route.RemoveRoute(found);
        }
    }

    // A rule that somebody else made may have selectors that an entry does not hold, so the kernel's own is named to it.
    private void RemoveRules(RuleEntry entry)
    {
        foreach (PolicyRule rule in _netns.Route.GetRules(entry.Family).Where(rule => KernelEntries.ToEntry(rule) == entry))
        {
            _netns.Route.RemoveRule(rule);
        }
    }
}
