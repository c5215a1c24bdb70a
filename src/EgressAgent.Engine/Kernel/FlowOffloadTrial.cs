using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Tries whether this very kernel can be trusted with a flowtable: a client, a router and a server in namespaces that are gone afterwards, and
/// between them TCP and UDP with both translations, both ways, where the way back is found by a mark, as in a router. What is offloaded has to
/// arrive as it was sent, be counted to the byte, and end with its entry in connection tracking. Kernels differ: some lack it, some look for
/// the way back without the mark (before Linux 5.19), some cannot delete such an entry (before stable releases of June 2023), of some a
/// break of TCP was reported (6.18).
/// </summary>
internal sealed class FlowOffloadTrial : IDisposable
{
    // Of this no second try will say anything else.
    private const string NoFlowtables = "this kernel has no flowtables (nf_flow_table)";

    private const int MaxTries = 3;
    private const ushort Port = 7;
    private const int MaxRounds = 8;
    private const int StreamLength = 64 * 1024;
    private const int DatagramLength = 100;

    // Far more than it takes beside any load; nothing of this waits for another machine.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly NetworkNamespace _client = NetworkNamespace.CreateUnnamed("flow-offload-client");
    private readonly NetworkNamespace _router = NetworkNamespace.CreateUnnamed("flow-offload-router");
    private readonly NetworkNamespace _server = NetworkNamespace.CreateUnnamed("flow-offload-server");

    private FlowOffloadTrial()
    {
    }

    /// <summary>Why the kernel is not trusted; null when it passed.</summary>
    internal static string? Run()
    {
        // A kernel that does it right may fail once: no descriptor is left, or its routes change, which ends what is offloaded.
        string? whyNot = "";
        for (int tries = 0; tries < MaxTries && whyNot is not (null or NoFlowtables); tries++)
        {
            whyNot = RunOnce();
        }

        return whyNot;
    }

    private static string? RunOnce()
    {
        try
        {
            using var trial = new FlowOffloadTrial();
            return trial.Try();
        }
        catch (Exception exception)
        {
            // Whatever it is, no router has to do without more than the offload.
            return $"it could not be tried on this kernel: {exception.Message}";
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _router.Dispose();
        _server.Dispose();
    }

    private string? Try()
    {
        Family[] families = Sysctl.Get(_router, "net/ipv6/conf/all/forwarding") is null ? [Family.IPv4] : [Family.IPv4, Family.IPv6];
        Connect(families);
        using NftContext nft = NftContext.Open(_router);
        try
        {
            nft.Run("add table inet trial; add flowtable inet trial offloaded { hook ingress priority filter; devices = { eth0, net1 }; counter; }");
        }
        catch (LinuxException refusal) when (refusal.Errno == Errno.ENOENT || refusal.Errno == Errno.EOPNOTSUPP)
        {
            return NoFlowtables;
        }

        nft.Run(
            """
            add chain inet trial through { type filter hook forward priority filter; policy accept; }
            add rule inet trial through meta l4proto { tcp, udp } ct state established ct direction original ct status dnat ct status snat flow add @offloaded
            """);
        nft.Run(
            $$"""
            add chain inet trial marked { type filter hook prerouting priority dstnat + 10; policy accept; }
            add rule inet trial marked ct direction original ct status dnat meta mark set {{PacketMarks.FromClient | PacketMarks.Redirected}} accept
            add rule inet trial marked iifname "net1" ct status dnat meta mark set {{PacketMarks.Redirected}} accept
            add rule inet trial marked iifname "eth0" meta mark set {{PacketMarks.FromClient}}
            """);

        // It is there once a rule has connection tracking loaded.
        Sysctl.Set(_router, "net/netfilter/nf_conntrack_acct", 1);
        foreach (Family family in families)
        {
            nft.Run(
                $$"""
                add chain inet trial {{family.Nft}}_there { type nat hook prerouting priority dstnat; policy accept; }
                add chain inet trial {{family.Nft}}_out { type nat hook postrouting priority srcnat; policy accept; }
                add rule inet trial {{family.Nft}}_out oifname "net1" snat {{family.Nft}} to {{family.Outside}}
                """);
            Redirect(family, nft);
            if (TryStream(family, nft) is { } stream)
            {
                return $"this kernel does not offload TCP of {family.Name} right: {stream}";
            }

            Redirect(family, nft);
            if (TryDatagrams(family, nft) is { } datagrams)
            {
                return $"this kernel does not offload UDP of {family.Name} right: {datagrams}";
            }
        }

        return null;
    }

    private void Connect(Family[] families)
    {
        using RouteNetlink client = RouteNetlink.Open(_client);
        using RouteNetlink router = RouteNetlink.Open(_router);
        using RouteNetlink server = RouteNetlink.Open(_server);
        foreach (NetworkNamespace netns in new[] { _client, _router, _server })
        {
            // A node without IPv6 passes that on.
            Sysctl.Set(netns, "net/ipv6/conf/all/disable_ipv6", 0);
            Sysctl.Set(netns, "net/ipv6/conf/default/disable_ipv6", 0);
        }

        router.AddVeth(new NewVeth { Name = "eth0", PeerName = "eth0", PeerNetns = _client });
        router.AddVeth(new NewVeth { Name = "net1", PeerName = "eth0", PeerNetns = _server });
        foreach ((RouteNetlink netns, string link) in new[] { (client, "eth0"), (router, "eth0"), (router, "net1"), (server, "eth0") })
        {
            netns.SetLinkUp(netns.GetRequiredLink(link).Index, up: true);
        }

        foreach (string setting in (string[])["net/ipv4/ip_forward", "net/ipv4/fwmark_reflect", "net/ipv6/conf/all/forwarding", "net/ipv6/fwmark_reflect"])
        {
            Sysctl.Set(_router, setting, 1);
        }

        foreach (string scope in (string[])["all", "eth0", "net1"])
        {
            Sysctl.Set(_router, $"net/ipv4/conf/{scope}/rp_filter", 0);
        }

        foreach (Family family in families)
        {
            AddAddress(client, "eth0", family.Node, family.PrefixLength);
            AddAddress(client, "eth0", family.Client, family.Client.MaxPrefixLength);
            AddAddress(router, "eth0", family.Inside, family.PrefixLength);
            AddAddress(router, "net1", family.Outside, family.PrefixLength);
            AddAddress(server, "eth0", family.Server, family.PrefixLength);
            AddDefaultRoute(router, "net1", family.Server, RouteEntry.MainTable);
            AddDefaultRoute(router, "eth0", family.Node, RouteEntry.ReturnTable);
            router.AddRule(Rule(family, 98, "net1", PacketMarks.Redirected, RouteEntry.ReturnTable));
            router.AddRule(Rule(family, 99, "eth0", PacketMarks.Redirected, RouteEntry.MainTable));
            router.AddRule(Rule(family, 101, "lo", PacketMarks.FromClient, RouteEntry.ReturnTable));
        }
    }

    private static void AddDefaultRoute(RouteNetlink netns, string link, IPAddress gateway, int table) =>
        netns.ReplaceRoute(new Route(new IPNetwork(gateway.IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0))
        {
            Gateway = gateway,
            OutputLinkIndex = netns.GetRequiredLink(link).Index,
            Table = (uint)table,
        });

    private static PolicyRule Rule(Family family, uint priority, string link, uint mark, int table) => new(family.Any.AddressFamily, priority)
    {
        InputLinkName = link,
        Mark = mark,
        MarkMask = mark,
        Table = (uint)table,
    };

    private static void AddAddress(RouteNetlink netns, string link, IPAddress address, int prefixLength) =>
        netns.ReplaceAddress(new LinkAddress(netns.GetRequiredLink(link).Index, address, prefixLength) { Flags = AddressFlags.NoDad });

    // Until the flow is cut.
    private static void Redirect(Family family, NftContext nft) =>
        nft.Run($"add rule inet trial {family.Nft}_there iifname \"eth0\" dnat {family.Nft} to {family.Server}");

    private string? TryStream(Family family, NftContext nft)
    {
        using Socket listener = Open(_server, family.Any, SocketType.Stream);
        listener.Bind(new IPEndPoint(family.Server, Port));
        listener.Listen(1);
        using Socket client = Open(_client, family.Any, SocketType.Stream);
        client.Bind(new IPEndPoint(family.Client, 0));
        Begin(client, new IPEndPoint(family.Inside, Port));
        if (!listener.Poll(Limit, SelectMode.SelectRead))
        {
            return "no connection came up";
        }

        using Socket server = Limited(listener.Accept());
        byte[] content = new byte[StreamLength];
        Random.Shared.NextBytes(content);
        for (int round = 0; round < MaxRounds; round++)
        {
            if (!Passes(client, server, content) || !Passes(server, client, content))
            {
                return "not all arrived as it was sent";
            }
        }

        // With headers it is more.
        ulong least = StreamLength * MaxRounds;
        return WhyNot(family, nft, client, server, counters => counters?.Bytes >= least);
    }

    private string? TryDatagrams(Family family, NftContext nft)
    {
        using Socket server = Open(_server, family.Any, SocketType.Dgram);
        server.Bind(new IPEndPoint(family.Server, Port));
        using Socket client = Open(_client, family.Any, SocketType.Dgram);
        client.Bind(new IPEndPoint(family.Client, 0));
        client.Connect(new IPEndPoint(family.Inside, Port));
        byte[] content = new byte[DatagramLength];
        for (int round = 0; round < MaxRounds; round++)
        {
            Random.Shared.NextBytes(content);
            client.Send(content);
            EndPoint peer = new IPEndPoint(family.Any, 0);
            byte[] arrived = new byte[StreamLength];
            int length = server.ReceiveFrom(arrived, ref peer);
            server.SendTo(arrived.AsSpan(0, length), peer);
            int answered = client.Receive(arrived.AsSpan(length));
            if (!arrived.AsSpan(0, length).SequenceEqual(content) || !arrived.AsSpan(length, answered).SequenceEqual(content))
            {
                return "not all arrived as it was sent";
            }
        }

        var sent = new ConntrackCounters(MaxRounds, (ulong)(MaxRounds * (DatagramLength + family.HeaderLength)));
        return WhyNot(family, nft, client, server, counters => counters == sent);
    }

    private string? WhyNot(Family family, NftContext nft, Socket client, Socket server, Predicate<ConntrackCounters?> areRight)
    {
        using ConntrackTable flows = ConntrackTable.Open(_router);
        return Find(flows, client) is not { } flow ? "its entry is not in connection tracking"
            : !flow.Status.HasFlag(ConntrackStatus.Offloaded) ? "it was not offloaded"
            : !areRight(flow.OriginalCounters) || !areRight(flow.ReplyCounters)
                ? $"what is offloaded is counted as {flow.OriginalCounters} and {flow.ReplyCounters}, which it is not"
            : WhyNotCut(flows, flow, family, nft, client, server);
    }

    // As an edit cuts it: the rule goes, and then the entry. The next packet finds nobody here, which its sender is told.
    private static string? WhyNotCut(ConntrackTable flows, ConntrackEntry flow, Family family, NftContext nft, Socket client, Socket server)
    {
        nft.Run($"flush chain inet trial {family.Nft}_there");
        try
        {
            flows.Remove(flow);
        }
        catch (LinuxException refusal)
        {
            return $"its entry cannot be deleted: {refusal.Message}";
        }

        try
        {
            client.Send(new byte[DatagramLength]);
            client.Receive(new byte[1]);
        }
        catch (SocketException answer) when (answer.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
        {
            return server.Available == 0 ? null : "it went on after its entry was deleted";
        }
        catch (SocketException silence) when (silence.SocketErrorCode == SocketError.TimedOut)
        {
            return server.Available > 0 ? "it went on after its entry was deleted" : "its sender was not told that it was cut";
        }

        return "it went on after its entry was deleted";
    }

    private static ConntrackEntry? Find(ConntrackTable flows, Socket client)
    {
        int port = ((IPEndPoint)client.LocalEndPoint!).Port;
        return flows.GetFlows().FirstOrDefault(flow => flow.Original.SourcePort == port);
    }

    private static bool Passes(Socket from, Socket to, byte[] content)
    {
        byte[] arrived = new byte[content.Length];
        int sent = 0;
        for (int received = 0; received < content.Length;)
        {
            // Less than a socket takes in without a reader.
            sent += sent == received ? from.Send(content.AsSpan(sent, Math.Min(4096, content.Length - sent))) : 0;
            int length = to.Receive(arrived.AsSpan(received));
            if (length == 0)
            {
                return false;
            }

            received += length;
        }

        return arrived.AsSpan().SequenceEqual(content);
    }

    private static void Begin(Socket client, IPEndPoint remote)
    {
        client.Blocking = false;
        try
        {
            client.Connect(remote);
        }
        catch (SocketException underWay) when (underWay.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            client.Poll(Limit, SelectMode.SelectWrite);
        }

        client.Blocking = true;
    }

    /// <summary>A socket of a namespace. It waits for what comes, but not for ever.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    internal static Socket Open(NetworkNamespace netns, IPAddress any, SocketType type)
    {
        // By a system call: the first Socket of a process starts .NET's thread for sockets where it is made, for good, and that one workers of the pool.
        SocketEndpoint family = new(any, 0);
        IoResult opened = netns.Run(() => type == SocketType.Stream ? NativeSocket.OpenTcp(family) : NativeSocket.OpenUdp(family));
        if (opened.IsError)
        {
            throw new LinuxException("open", "a socket", opened.Errno);
        }

        // The descriptor does not block, which .NET has to be told before it waits: what has not arrived yet would pass for a time limit (findings/).
        Socket socket = new(new SafeSocketHandle(opened.Value, ownsHandle: true)) { Blocking = false };
        socket.Blocking = true;
        return Limited(socket);
    }

    private static Socket Limited(Socket socket)
    {
        socket.SendTimeout = socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        return socket;
    }

    /// <summary>The addresses of one family, of networks for documentation (RFC 5737, RFC 3849).</summary>
    private sealed record Family(string Name, string Nft, IPAddress Any, IPAddress Client, IPAddress Node, IPAddress Inside, IPAddress Outside, IPAddress Server, int PrefixLength, int HeaderLength)
    {
        internal static readonly Family IPv4 = new(
            "IPv4", "ip", IPAddress.Any, IPAddress.Parse("203.0.113.9"), IPAddress.Parse("192.0.2.2"), IPAddress.Parse("192.0.2.1"), IPAddress.Parse("198.51.100.1"), IPAddress.Parse("198.51.100.2"), 24, 20 + 8);

        internal static readonly Family IPv6 = new(
            "IPv6", "ip6", IPAddress.IPv6Any, IPAddress.Parse("2001:db8:9::9"), IPAddress.Parse("2001:db8:1::2"), IPAddress.Parse("2001:db8:1::1"), IPAddress.Parse("2001:db8:2::1"), IPAddress.Parse("2001:db8:2::2"), 64, 40 + 8);
    }
}
