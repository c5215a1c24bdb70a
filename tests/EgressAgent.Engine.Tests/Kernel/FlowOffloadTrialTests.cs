using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class FlowOffloadTrialTests
{
    [Fact]
    public void Kernel_is_trusted_when_it_has_flowtables_that_work_and_is_said_to_have_none_where_it_has_none()
    {
        Requires.Root();
        using ScratchNamespace netns = ScratchNamespace.Create();
        CommandResult flowtable = Command.Run(
            "nsenter", $"--net=/run/netns/{netns.Name}", "--", "nft", "add table inet t; add flowtable inet t f { hook ingress priority filter; counter; }");

        string? whyNot = FlowOffloadTrial.Run();

        Assert.Equal(flowtable.ExitCode == 0 ? null : "this kernel has no flowtables (nf_flow_table)", whyNot);
    }
    // On a busy node the kernel delivers later than it takes to send.
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Answer_that_has_not_arrived_yet_is_waited_for(string loopback)
    {
        using ScratchNamespace scratch = ScratchNamespace.Create();
        Command.Check(["ip", "-n", scratch.Name, "link", "set", "lo", "up"]);
        IPAddress address = IPAddress.Parse(loopback);
        using Socket server = FlowOffloadTrial.Open(scratch.Namespace, address, SocketType.Dgram);
        using Socket client = FlowOffloadTrial.Open(scratch.Namespace, address, SocketType.Dgram);
        server.Bind(new IPEndPoint(address, 0));
        client.Connect(server.LocalEndPoint!);

        Task<int> arrived = Task.Run(() => server.Receive(new byte[10]), TestContext.Current.CancellationToken);
        await Task.WhenAny(arrived, Task.Delay(100, TestContext.Current.CancellationToken));
        client.Send(new byte[5]);

        Assert.Equal(5, await arrived);
    }
}
