using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>SCTP of the relay on a kernel that learns it while the agent runs.</summary>
public sealed class RelaySctpTests : DataPathTest, IClassFixture<DataPathTest.RelayFixture>
{
    private const string Reserved = "192.168.12.77";
    private const string Told = "3868/SCTP is not served: the kernel has no SCTP sockets (Protocol not supported): `modprobe sctp`";

    // The kernel loads the module for the first who asks for such a socket. Distributions forbid it that with such a file.
    private const string Forbidden = "/etc/modprobe.d/egress-test-sctp.conf";

    public RelaySctpTests(DataPathTest.RelayFixture fixture)
        : base(fixture)
    {
        Requires.OwnKernel();

        // Each network namespace holds the module from then on, the first one too.
        Assert.SkipWhen(Directory.Exists("/sys/module/sctp"), "the kernel has SCTP sockets already, and cannot forget them: run it before all others that need them");
    }

    [Fact]
    public void Rule_is_served_once_the_module_is_loaded_and_the_end_of_the_trouble_is_told()
    {
        using Undo allowed = new(() => File.Delete(Forbidden));
        File.WriteAllText(Forbidden, "blacklist sctp\n");
        Lab.Apply("sctp", $$"""
            addresses: [ { ip: {{Reserved}}/24 } ], redirect: { redirectRules: [
              { destinationIP: {{DataPathLab.SctpServerAddress}}, port: 3868, targetPort: 2905, protocol: SCTP },
              { destinationIP: {{DataPathLab.Web}}, port: 80, protocol: TCP } ] }
            """);
        WaitFor($"WRN default/sctp: in force, but {Told}", () => Lab.Agent.Log);
        WaitFor($"1 router degraded: default/sctp: {Told}", () => Lab.Agent.Status);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, $"{DataPathLab.Web}:80");

        Command.Check("modprobe", "sctp");

        WaitFor($"INF default/sctp: over: {Told}", () => Lab.Agent.Log);
        WaitFor("1 router active", () => Lab.Agent.Status);
        using SctpSocket listener = In(Lab.SctpServer, netns => SctpSocket.Listen(netns, new IPEndPoint(IPAddress.Parse(DataPathLab.SctpServerAddress), 2905)));
        using SctpSocket client = In(Lab.Client, netns => SctpSocket.Connect(netns, new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 3868)));
        using SctpSocket server = listener.Accept();
        client.Send([.. "hello"u8]);
        Assert.Equal("hello"u8, server.Receive()!.Value.Message);
        server.Send([.. "you too"u8]);
        Assert.Equal("you too"u8, client.Receive()!.Value.Message);
        Assert.Equal(Reserved, server.Remote!.Address.ToString());
    }

    private static SctpSocket In(LabHost host, Func<NetworkNamespace, SctpSocket> open)
    {
        using NetworkNamespace netns = NetworkNamespace.OpenPath(host.NamespacePath);
        return open(netns);
    }

    private void WaitFor(string words, Func<string> where) =>
        Eventually.True($"'{words}'", () => where().Contains(words), otherwise: () => $"{Lab.Agent.Status}\n{Lab.Agent.Log}");
}
