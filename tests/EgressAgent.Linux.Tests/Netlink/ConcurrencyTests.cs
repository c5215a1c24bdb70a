using System.Net;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink;

public sealed class ConcurrencyTests : IDisposable
{
    private readonly ScratchNetns _netns = ScratchNetns.Create();

    public void Dispose() => _netns.Dispose();

    [Fact]
    public void Threads_that_share_a_socket_each_get_their_own_answer()
    {
        for (int i = 0; i < 8; i++)
        {
            _netns.Netlink.AddVeth(new NewVeth { Name = $"a{i}", PeerName = $"b{i}" });
        }

        Parallel.For(0, 2000, i =>
        {
            string name = $"{(i % 2 == 0 ? 'a' : 'b')}{i % 8}";
            Assert.Equal(name, _netns.Netlink.GetLink(name)!.Name);
            Assert.Null(_netns.Netlink.GetLink($"absent{i}"));
        });
    }

    [Fact]
    public void Dump_is_whole_while_others_change_the_table()
    {
        const int Stable = 2000;
        (Link link, _) = _netns.AddVeth();
        for (int i = 0; i < Stable; i++)
        {
            _netns.Netlink.AddRoute(Route(link, 100, i));
        }

        bool isDone = false;
        var disturber = new Thread(() =>
        {
            using RouteNetlink own = RouteNetlink.Open(_netns.Namespace);
            for (int i = 0; !Volatile.Read(ref isDone); i = (i + 1) % 500)
            {
                own.AddRoute(Route(link, 101, i));
                own.RemoveRoute(Route(link, 101, i));
                Thread.Sleep(1);
            }
        });
        disturber.Start();
        try
        {
            for (int i = 0; i < 50; i++)
            {
                Assert.Equal(Stable, _netns.Netlink.GetRoutes(500).Count(route => route.Destination.BaseAddress.GetAddressBytes()[0] == 100));
            }
        }
        finally
        {
            Volatile.Write(ref isDone, true);
            disturber.Join();
        }
    }

    private static Route Route(Link link, byte first, int i) =>
        new(new IPNetwork(new IPAddress([first, (byte)(i >> 8), (byte)i, 0]), 24))
        {
            Table = 500,
            OutputLinkIndex = link.Index,
            Scope = RouteScope.Link,
        };
}
