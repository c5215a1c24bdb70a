using EgressAgent.Linux.Netlink.Links;

namespace EgressAgent.Linux.Tests.Support;

/// <summary>A LAN of two namespaces of the test's own that a veth pair joins, both ends operational.</summary>
internal sealed class ScratchLan : IDisposable
{
    public ScratchLan()
    {
        Router.Netlink.AddVeth(new NewVeth { Name = "net1", PeerName = "lan", PeerNetns = Lan.Namespace });
        Far = Lan.Up("lan");
        Link = Router.Up("net1");
        Lan.AwaitOperational("lan");
        Router.AwaitOperational("net1");
    }

    public ScratchNetns Router { get; } = ScratchNetns.Create();

    public ScratchNetns Lan { get; } = ScratchNetns.Create();

    /// <summary><c>net1</c> of the router.</summary>
    public Link Link { get; }

    /// <summary><c>lan</c>, the other end.</summary>
    public Link Far { get; }

    public void Dispose()
    {
        Lan.Dispose();
        Router.Dispose();
    }
}
