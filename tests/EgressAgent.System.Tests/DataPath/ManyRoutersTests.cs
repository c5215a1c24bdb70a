using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Routers beside one another: the traffic of each leaves with its own address.</summary>
public sealed class ManyRoutersTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const int Count = 20;

    [Fact]
    public void Routers_with_the_same_rules_on_one_master_and_on_another_leave_with_their_own_addresses()
    {
        LabSegment other = Lab.OtherLan;
        Dictionary<string, string> reserved = [];
        for (int i = 0; i < Count; i++)
        {
            bool isOther = i % 5 == 4;
            reserved[$"r{i}"] = $"192.168.{(isOther ? 13 : 12)}.{100 + i}";
            Lab.Write($"r{i}", $$"""
                addresses: [ { ip: {{reserved[$"r{i}"]}}/24, gateway: 192.168.{{(isOther ? 13 : 12)}}.1 } ],
                redirect: { redirectRules: [
                  { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 203.0.113.26, port: 80, protocol: UDP } ] }
                """, i % 2 == 0 ? "" : "egressagent.org/datapath: relay");
        }

        Eventually.True("all to be active", () => Lab.Agent.Status == $"{Count} routers active", TimeSpan.FromSeconds(60), () => Lab.Agent.Log);
        using LanAudit first = new(Lab);
        using LanAudit second = new(Lab, other);
        foreach ((string name, string address) in reserved)
        {
            string inside = new ObservedRouter(name).InsideAddress!;
            AssertReached(Lab.Client.ProbeTcp(inside, 80), address, "203.0.113.26:80");
            AssertReached(Lab.Client.ProbeUdp(inside, 80), address, "203.0.113.26:80");
            AtOnce.AssertRefusesTcp(Lab.Client, inside, 81);
        }

        first.AssertRoutersSentOnly([.. reserved.Values.Where(address => address.StartsWith("192.168.12."))], [DataPathLab.Web]);
        second.AssertRoutersSentOnly([.. reserved.Values.Where(address => address.StartsWith("192.168.13."))], [DataPathLab.Web]);
    }
}
