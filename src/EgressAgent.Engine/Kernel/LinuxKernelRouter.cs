using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
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
    private readonly ChangeMonitor _monitor;
    private readonly RouterEars _ears;
    private readonly NodeState _nodeState;
    private readonly RouteNetlink _nodeRoute;
    private readonly RouterNetns _netns;
    private readonly RouterLinks _links;
    private readonly AddressClaims _claims;
    private readonly RedirectEngine _redirect;
    private readonly RouterObserver _observer;

    internal LinuxKernelRouter(
        RouterKey key, NetworkNamespace node, RouteNetlink nodeRoute, ChangeMonitor monitor, RelayHost relays, TimeProvider time)
    {
        _key = key;
        _monitor = monitor;
        _ears = monitor.Register(key);
        _nodeState = monitor.Node;
        _nodeRoute = nodeRoute;
        _netns = new RouterNetns(key, _ears);
        _links = new RouterLinks(RouterNames.NodeLink(key), node, nodeRoute, _netns);
        _claims = new AddressClaims(_ears, _netns, monitor, time);
        _redirect = new RedirectEngine(key, relays);
        _observer = new RouterObserver(key, _netns, monitor.Node, _redirect, _claims);
    }

    public ObservedRouter Observe()
    {
        _ears.BeginLook();
        return _observer.Observe();
    }

    public void Dispose()
    {
        _claims.Dispose();
        _netns.Dispose();
        _ears.Dispose();
    }

    public void Apply(RouterStep step)
    {
        _ears.BeginSteps();
        switch (step)
        {
            case LetGoOfNetns:
                _redirect.Stop();
                _claims.StopHearing();
                _netns.LetGo();
                break;
            case HoldInsideNetwork hold:
                HeldNetworks.Hold(_nodeRoute, hold.Network);
                break;
            case CreateNetns:
                _netns.Create();
                break;
            case SetSysctl set:
                // A kernel without IPv6 has none of its settings, and none of its packets.
                Sysctl.Set(_netns.Namespace, set.Entry.Key, set.Entry.Value);
                break;
            case ApplyRedirect apply:
                HearFlowsEnd(apply.Plan);
                _redirect.Apply(apply.Plan, _netns.Namespace);
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
            case RemoveMacvlan:
                _claims.StopHearing();
                _links.RemoveMacvlan();
                break;
            case CreateMacvlan create:
                _links.CreateMacvlan(create.Macvlan);
                break;
            case ConfigureMacvlan configure:
                _links.ConfigureMacvlan(configure.Macvlan);
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
                _claims.Hear(OutsideLink, hear.Addresses);
                break;
            case RemoveAddress remove:
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
                _claims.Announce(OutsideLink, announce.Address);
                break;
            case RecheckAddress recheck:
                _claims.Recheck(OutsideLink, recheck.Address);
                break;
            case DeleteNetns:
                _redirect.Stop();
                _claims.StopHearing();
                _netns.Delete();
                break;
            default:
                throw new ArgumentException($"unknown step {step.GetType().Name}", nameof(step));
        }
    }

    // Before the first of them begins. What goes through the relay the relay counts itself.
    private void HearFlowsEnd(RedirectPlan plan)
    {
        if (plan.Datapath == DatapathKind.Kernel)
        {
            _monitor.FlowEnds?.Listen(_key, _netns.Namespace);
        }
        else
        {
            _monitor.FlowEnds?.Stop(_key);
        }
    }

    private void AddInsideAddress(AddressEntry entry)
    {
        LinkAddress address = ToKernel(entry);
        NetlinkOf(entry.Side).AddAddress(address with { Flags = AddressFlags.NoDad });
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
