using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Redirect;

/// <summary>Redirect plans of every shape, by the name of their golden text.</summary>
internal static class Plans
{
    private static readonly FamilyRedirect IPv4 = new(
        IPAddress.Parse("198.18.0.2"), IPAddress.Parse("192.168.12.99"), [IPAddress.Parse("192.168.12.99")], Fallback: null);

    private static readonly FamilyRedirect IPv6 = new(
        IPAddress.Parse("fd96:e9e5:a::2"), IPAddress.Parse("2001:db8:12::99"), [IPAddress.Parse("2001:db8:12::99"), IPAddress.Parse("2001:db8:12::98")], Fallback: null);

    public static readonly RedirectPlan Example = new()
    {
        Key = Support.Example.Key,
        Datapath = DatapathKind.Kernel,
        Families = [IPv4],
        Rules =
        [
            Support.Example.Rule(8080, "203.0.113.26", 80),
            Support.Example.Rule(8443, "203.0.113.26", 443),
            Support.Example.Rule(53, "203.0.113.27", 53, TransportProtocol.UDP),
        ],
    };

    /// <summary>None of the others, as not every kernel takes it.</summary>
    public static readonly RedirectPlan Offload = Example with { Families = [IPv4, IPv6], OffloadsFlows = true };

    public static readonly IReadOnlyDictionary<string, RedirectPlan> All = new Dictionary<string, RedirectPlan>
    {
        ["example"] = Example,
        ["no-rules"] = Example with { Rules = [] },
        ["fallback"] = Example with { Families = [IPv4 with { Fallback = IPAddress.Parse("203.0.113.30") }] },
        ["clients"] = Example with { Clients = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.0.2.7/32")] },
        ["no-clients-of-the-family"] = Example with { Clients = [IPNetwork.Parse("fd00::/8")] },
        ["dual-stack"] = Example with
        {
            Families = [IPv4 with { Fallback = IPAddress.Parse("203.0.113.30") }, IPv6],
            Rules = [.. Example.Rules, Support.Example.Rule(8080 + 1, "2001:db8:ff::26", 80), Support.Example.Rule(9999, "2001:db8:ff::26", 9999, TransportProtocol.SCTP)],
            Clients = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("fd00::/8")],
        },
        ["ipv6"] = Example with { Families = [IPv6], Rules = [Support.Example.Rule(80, "2001:db8:ff::26", 80)] },
        ["relay"] = Example with { Datapath = DatapathKind.Relay },
        ["relay-dual-stack"] = Example with
        {
            Datapath = DatapathKind.Relay,
            Families = [IPv4 with { Fallback = IPAddress.Parse("203.0.113.30") }, IPv6],
            Clients = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("fd00::/8")],
        },
        ["relay-sctp"] = Example with
        {
            Datapath = DatapathKind.Relay,
            Rules = [.. Example.Rules, Support.Example.Rule(7777, "203.0.113.28", 7, TransportProtocol.SCTP)],
        },
        ["external"] = External(DatapathKind.Kernel, new IPEndPoint(IPAddress.Parse("203.0.113.26"), 80)) with { Clients = [IPNetwork.Parse("192.168.12.0/24")] },
        ["relay-external"] = External(DatapathKind.Relay, new IPEndPoint(IPv4.Inside, 8080)),
        ["deny"] = Example with { LocalProcesses = LocalProcesses.Deny },
        ["relay-deny"] = External(DatapathKind.Relay, new IPEndPoint(IPv4.Inside, 8080)) with { Families = [IPv4, IPv6], LocalProcesses = LocalProcesses.Deny },
        ["long-name"] = Example with { Key = new RouterKey("default", new string('a', 250)), Rules = [] },
    };

    private static RedirectPlan External(DatapathKind datapath, IPEndPoint destination) => Example with
    {
        Datapath = datapath,
        ExternalAddresses = [IPAddress.Parse("192.168.12.97"), IPv4.Source],
        ExternalPorts = [new ExternalRedirect(new ExternalPort(IPAddress.Parse("192.168.12.97"), TransportProtocol.TCP, 80, 8080), destination)],
    };

    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>As many rules as asked for, all different.</summary>
    public static RedirectPlan WithRules(int count) => Example with
    {
        Rules = [.. Enumerable.Range(1, count).Select(port => Support.Example.Rule((ushort)port, $"203.0.{port >> 8}.{port & 255}", (ushort)port))],
    };
}
