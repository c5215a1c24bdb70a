using EgressAgent.Model.Planning;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Model.Tests.Planning;

/// <summary>A node with two interfaces, in a fake kernel.</summary>
internal static class FakeNode
{
    public static FakeKernel Create()
    {
        var kernel = new FakeKernel();
        kernel.EditNode(node =>
        {
            node.AddHardware("ens3");
            node.AddAddress("ens3", Example.Cidr("192.168.12.10/24"));
            node.AddAddress("ens3", Example.Cidr("2001:db8:12::10/64"));
            node.SetRoute(new RouteEntry(NetworkSide.Node, System.Net.IPNetwork.Parse("0.0.0.0/0"), Example.Ip("192.168.12.1"), "ens3"));
            node.SetRoute(new RouteEntry(NetworkSide.Node, System.Net.IPNetwork.Parse("::/0"), Example.Ip("2001:db8:12::1"), "ens3"));
            node.AddHardware("ens4", mtu: 9000);
        });
        return kernel;
    }
}
