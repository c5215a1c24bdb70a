using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Planning;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>The lab in memory.</summary>
internal sealed class FakeKernelLab : KernelLab
{
    private readonly FakeKernel _kernel = Example.Node();

    public override IKernel Kernel => _kernel;

    public override IEnumerable<string> NodeState() => _kernel.ReadNode(node => (string[])
    [
        .. node.Links.Select(link => $"{link.Name} mtu {link.Mtu} up {link.IsUp}"),
        .. node.Links.SelectMany(link => link.Addresses.Select(entry => $"{link.Name} {entry.Address}")),
        .. node.Routes.Select(route => route.ToString()),
    ]);

    public override void AddNodeLink(string name) => _kernel.EditNode(node => node.AddHardware(name));

    public override void DeleteNetns() => _kernel.DeleteNetns(Key);

    public override void DeleteLink(NetworkSide side, string link) => Edit(side, netns => netns.RemoveLink(link));

    public override void SetLink(NetworkSide side, string link, bool up) => Edit(side, netns => netns.SetUp(link, up));

    public override void DeleteFence() => Edit(NetworkSide.Router, netns => netns.Link("net1").IsFenced = false);

    public override void SetMtu(NetworkSide side, string link, int mtu) => Edit(side, netns => netns.SetMtu(link, mtu));

    public override void SetGroup(NetworkSide side, string link, uint group) => Edit(side, netns => netns.Link(link).Group = group);

    public override void AddAddress(NetworkSide side, string link, string address) =>
        Edit(side, netns => netns.AddAddress(link, Example.Cidr(address)));

    public override void DeleteAddress(NetworkSide side, string link, string address) =>
        Edit(side, netns => netns.RemoveAddress(link, Example.Cidr(address)));

    public override void AddRoute(NetworkSide side, string destination, string gateway, string link, int metric) => Edit(
        side, netns => netns.SetRoute(new RouteEntry(side, IPNetwork.Parse(destination), IPAddress.Parse(gateway), link), metric));

    public override void DeleteRoute(RouteEntry route) => Edit(route.Side, netns => netns.RemoveRoute(route));

    public override void AddRule(int priority, int table) =>
        Edit(NetworkSide.Router, netns => netns.Rules.Add(new RuleEntry(AddressFamily.InterNetwork, priority, null, null, table)));

    public override void DeleteRule(RuleEntry rule) => Edit(NetworkSide.Router, netns => netns.Rules.Remove(rule));

    public override void SetSysctl(string key, string value) => Edit(NetworkSide.Router, netns => netns.SetSysctl(key, value));

    public override void TouchRedirect() => Edit(NetworkSide.Router, netns => netns.TouchRedirect());

    public override void Dispose() => _kernel.Dispose();

    private void Edit(NetworkSide side, Action<FakeNetns> edit)
    {
        if (side == NetworkSide.Node)
        {
            _kernel.EditNode(edit);
        }
        else
        {
            _kernel.EditRouter(Key, edit);
        }
    }
}
