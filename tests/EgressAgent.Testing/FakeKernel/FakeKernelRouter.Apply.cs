using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.FakeKernel;

internal sealed partial class FakeKernelRouter
{
    private readonly HashSet<IPAddress> _refused = [];

    // Of the length of the real one, which has to be unknown to everybody else.
    private string TemporaryLink => $"m{_nodeLink}";

    private FakeNetns Netns =>
        kernel.FindNetns(_netnsName) ?? throw new LinuxException("open network namespace", _netnsName, Errno.ENOENT);

    private FakeNetns Services =>
        kernel.FindNetns(ServiceNames.Netns) ?? throw new LinuxException("open network namespace", ServiceNames.Netns, Errno.ENOENT);

    public void Apply(RouterStep step)
    {
        kernel.BeforeStep?.Invoke(key, step);
        kernel.Locked(() => Take(step));
        kernel.Applied(key, step);
    }

    private void Take(RouterStep step)
    {
        switch (step)
        {
            case HoldInsideNetwork hold:
                Request(() => kernel.HeldNetworks.Add(hold.Network));
                break;
            case LetGoOfNetns or MarkNetns:
                break;
            case CreateNetns create:
                Request(() => kernel.CreateNetns(create.Name));
                break;
            case MarkClaim { IsClaimed: true }:
                Request(() => Netns.Link("lo").AltNames.Add(RouterNames.ClaimMark));
                break;
            case MarkClaim:
                Request(() => Netns.Link("lo").AltNames.Remove(RouterNames.ClaimMark));
                break;
            case StandBy:
                Request(BeSilent);
                break;
            case SetSysctl set:
                Request(() => Netns.SetSysctl(set.Entry.Key, set.Entry.Value));
                break;
            case ApplyRedirect apply:
                Request(() => Netns.SetRedirect(apply.Plan, writer: this));
                break;
            case OffloadFlows offload:
                Request(() => Netns.Offload(offload.Link));
                break;
            case SetLinkGroup group:
                Request(() => Netns.Link(group.Link).Group = LinkGroups.All[group.Link]);
                break;
            case SetLoopbackUp:
                Request(() => Netns.SetUp("lo", up: true));
                break;
            case RemoveVeth:
                Request(() => kernel.Node.RemoveLink(_nodeLink));
                Request(() => kernel.FindNetns(_netnsName)?.RemoveLink(RouterNames.InsideLink));
                break;
            case CreateVeth create:
                Request(() => kernel.Node.AddVeth(_nodeLink, create.Veth.Mtu, Netns, RouterNames.InsideLink, LinkGroups.Inside));
                break;
            case ConfigureVeth configure:
                Request(() => kernel.Node.Link(_nodeLink).AltNames.Add(configure.Veth.AltName));
                SetMtuAndUp(Netns, RouterNames.InsideLink, configure.Veth.Mtu);
                SetMtuAndUp(kernel.Node, _nodeLink, configure.Veth.Mtu);
                break;
            case RemoveServiceLink:
                Request(() => kernel.FindNetns(ServiceNames.Netns)?.RemoveLink(_nodeLink));
                Request(() => kernel.FindNetns(_netnsName)?.RemoveLink(RouterNames.ServiceLink));
                break;
            case CreateServiceLink create:
                Request(() => kernel.CreateNetns(ServiceNames.Netns));
                Request(() => Services.AddVeth(_nodeLink, create.Link.Mtu, Netns, RouterNames.ServiceLink, LinkGroups.Service));
                break;
            case ConfigureServiceLink configure:
                SetMtuAndUp(Netns, RouterNames.ServiceLink, configure.Link.Mtu);
                SetMtuAndUp(Services, _nodeLink, configure.Link.Mtu);
                Request(() => _serviceFamilies = configure.Link.Families);
                break;
            case RemoveMacvlan:
                Request(() => kernel.FindNetns(_netnsName)?.RemoveLink(RouterNames.OutsideLink));
                break;
            case CreateMacvlan create:
                CreateMacvlan(create.Macvlan);
                break;
            case ConfigureMacvlan configure:
                ConfigureMacvlan(configure.Macvlan);
                break;
            case FenceMacvlan fence:
                Request(() => Netns.Link(RouterNames.OutsideLink).IsFenced = fence.IsFenced);
                break;
            case CutOffMacvlan:
                Request(() => Netns.SetUp(RouterNames.OutsideLink, up: false));
                break;
            case AddInsideAddress add:
                Request(() => NetnsOf(add.Entry.Side).AddAddress(add.Entry.Link, add.Entry.Address, isMarked: true));
                break;
            case ClaimAddress claim:
                Request(() => Claim(claim));
                break;
            case AskGateways ask:
                (_asking, _asked) = (Netns.Link(RouterNames.OutsideLink), ask.Gateways);
                kernel.TellGateways(key, ask.Gateways.Select(gateway => new ObservedGateway(gateway, IsReachable: true)));
                break;
            case HearOthers hear:
                Hear(Netns.Link(RouterNames.OutsideLink), hear.Addresses);
                break;
            case RemoveAddress remove:
                Request(() => NetnsOf(remove.Entry.Side).RemoveAddress(remove.Entry.Link, remove.Entry.Address));
                break;
            case SetRoute set:
                Request(() => NetnsOf(set.Entry.Side).SetRoute(set.Entry));
                break;
            case RemoveRoute remove:
                Request(() => NetnsOf(remove.Entry.Side).RemoveRoute(remove.Entry));
                break;
            case AddRule add:
                Request(() => AddRule(add.Entry));
                break;
            case RemoveRule remove:
                Request(() => Netns.Rules.RemoveAll(rule => rule == remove.Entry));
                break;
            case Announce announce:
                Request(() => _announced.Add((Netns.Link(RouterNames.OutsideLink), announce.Address)));
                _defended.Add(announce.Address);
                break;
            case RecheckAddress:
                Request(() => Netns.Link(RouterNames.OutsideLink));
                break;
            case DeleteNetns delete:
                Request(() => kernel.DeleteNetns(delete.Name));
                break;
            default:
                throw new ArgumentException($"unknown step {step.GetType().Name}", nameof(step));
        }
    }

    // One request of a step may be the last before a crash.
    private void Request(Action request)
    {
        kernel.Request();
        request();
    }

    private void BeSilent()
    {
        if (Netns.Find(RouterNames.OutsideLink) is not null)
        {
            Netns.SetUp(RouterNames.OutsideLink, up: false);
        }

        (_hearing, _asking) = (null, null);
        _announced.Clear();
    }

    private void SetMtuAndUp(FakeNetns netns, string link, int mtu)
    {
        Request(() => netns.SetMtu(link, mtu));
        Request(() => netns.SetUp(link, up: true));
    }

    private void CreateMacvlan(DesiredMacvlan macvlan)
    {
        FakeLink? parent = kernel.Node.Links.FirstOrDefault(link => link.Index == macvlan.MasterIndex);
        Request(() => Netns.RemoveLink(TemporaryLink));
        Request(() => Netns.AddMacvlan(TemporaryLink, parent, macvlan.Mode, macvlan.Mac, macvlan.Mtu, LinkGroups.Outside));
        Request(() => Netns.Link(TemporaryLink).IsFenced = macvlan.IsFenced);
        Request(() => Rename(TemporaryLink, RouterNames.OutsideLink));
    }

    private void Rename(string from, string to)
    {
        if (Netns.Find(to) is null)
        {
            Netns.Link(from).Name = to;
        }
    }

    private void ConfigureMacvlan(DesiredMacvlan macvlan)
    {
        Request(() => Netns.SetMacvlanMode(RouterNames.OutsideLink, macvlan.Mode));
        if (macvlan.Mac is { } mac)
        {
            Request(() => Netns.SetMac(RouterNames.OutsideLink, mac));
        }

        Request(() => Netns.SetMtu(RouterNames.OutsideLink, macvlan.Mtu));
        if (macvlan.IsUp)
        {
            Request(() => Netns.SetUp(RouterNames.OutsideLink, up: true));
        }
    }

    private void Claim(ClaimAddress claim)
    {
        IPAddress address = claim.Entry.Address.Address;
        FakeLink link = Netns.Link(claim.Entry.Link);
        PhysicalAddress? holder = kernel.FindHolder(link, address);
        bool isProbed = claim.Check == PriorHolderCheck.Probe;
        if (link.Addresses.Any(own => own.Address.Address.Equals(address) && own.IsDuplicate))
        {
            Netns.RemoveAddress(link.Name, claim.Entry.Address);
            _refused.Add(address);
            throw new AddressConflictException(address, holder);
        }

        if (holder is not null && isProbed && (address.IsIPv4 || _refused.Contains(address)))
        {
            throw new AddressConflictException(address, holder);
        }

        _refused.Remove(address);
        Hear(link, link.Addresses.Select(own => own.Address.Address).Append(address));
        Netns.AddAddress(link.Name, claim.Entry.Address, isDuplicate: holder is not null && !address.IsIPv4, isMarked: true);
    }

    private void Hear(FakeLink link, IEnumerable<IPAddress> addresses)
    {
        IPAddress[] heard = [.. addresses];
        _hearing = link;
        _heard.Clear();
        _heard.UnionWith(heard);
    }

    private void AddRule(RuleEntry rule)
    {
        if (!Netns.Rules.Contains(rule))
        {
            Netns.Rules.Add(rule);
        }
    }

    private FakeNetns NetnsOf(NetworkSide side) => side == NetworkSide.Node ? kernel.Node : Netns;
}
