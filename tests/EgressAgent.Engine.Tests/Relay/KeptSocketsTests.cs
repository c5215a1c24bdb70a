using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Relay;

// What an earlier process left. No service manager is told of anything here.
public sealed class KeptSocketsTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private static readonly byte[] Hello = "hello"u8.ToArray();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Clients_that_wait_in_a_kept_listener_are_served(bool steers)
    {
        Socket listener = Keep(Lab.Listen());
        FileHandle kept = OpenListener(RelayLab.Inside, steers ? 0 : 8080);
        Socket client = Keep(Lab.Connect(NativeSocket.LocalEndpoint(kept.Descriptor).Port));
        client.Send(Hello);
        DescriptorStore store = StoreOf(steers ? "tcp4/0" : "tcp4/8080", kept);
        Start(new RelayOptions { UsesSteering = steers }, kept: new KeptSockets(store, Lab.Router.Id));

        Assert.Empty(Apply(RelayLab.Plan(RelayLab.Tcp(8080, (IPEndPoint)listener.LocalEndPoint!))));

        Assert.Empty(store.ForgetUntaken());
        Keep(Lab.Connect(8080)).Send(Hello);
        ReadExactly(Keep(listener.Accept()), new byte[Hello.Length]);
        if (steers)
        {
            // It dialled the listener's own port, which no rule has.
            AssertReset(client);
        }
        else
        {
            ReadExactly(Keep(listener.Accept()), new byte[Hello.Length]);
        }
    }

    [Fact]
    public void Kept_socket_of_another_address_is_closed()
    {
        Socket listener = Keep(Lab.Listen());
        DescriptorStore store = StoreOf("tcp4/8080", OpenListener(IPAddress.Parse("198.18.0.9"), 8080));
        Start(new RelayOptions { UsesSteering = false }, kept: new KeptSockets(store, Lab.Router.Id));

        Assert.Empty(Apply(RelayLab.Plan(RelayLab.Tcp(8080, (IPEndPoint)listener.LocalEndPoint!))));

        Keep(Lab.Connect(8080)).Send(Hello);
        ReadExactly(Keep(listener.Accept()), new byte[Hello.Length]);
    }

    [Fact]
    public void Kept_socket_of_another_network_namespace_is_not_taken()
    {
        Socket listener = Keep(Lab.Listen());
        DescriptorStore store = StoreOf("tcp4/8080", OpenListener(RelayLab.Inside, 8081));
        Start(new RelayOptions { UsesSteering = false }, kept: new KeptSockets(store, Lab.Server.Id));

        Assert.Empty(Apply(RelayLab.Plan(RelayLab.Tcp(8080, (IPEndPoint)listener.LocalEndPoint!))));

        Assert.Equal([$"relay/{Lab.Router.Id.Inode}/tcp4/8080"], store.ForgetUntaken());
        AssertRefused(8081);
    }

    [Fact]
    public async Task Drain_before_another_agent_takes_new_connections_while_an_old_one_lives()
    {
        Socket listener = Keep(Lab.Listen());
        DescriptorStore store = StoreOf("tcp4/8080", OpenListener(RelayLab.Inside, 8080));
        Start(new RelayOptions { UsesSteering = false }, kept: new KeptSockets(store, Lab.Router.Id));
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(8080, (IPEndPoint)listener.LocalEndPoint!)));
        Socket client = Keep(Lab.Connect(8080));
        Socket server = Keep(listener.Accept());
        Task<bool> drained = Relay.DrainAsync(TimeSpan.FromMinutes(1), isSucceeded: true, TestContext.Current.CancellationToken);

        using (Socket late = Lab.Connect(8080))
        using (Socket lateServer = listener.Accept())
        {
            Echo(late, lateServer, Hello);
        }

        Assert.False(drained.IsCompleted);
        client.Dispose();
        server.Dispose();
        Assert.True(await drained);
    }

    private DescriptorStore StoreOf(string name, FileHandle socket) => Keep(new DescriptorStore(
        [new PassedDescriptor($"relay/{Lab.Router.Id.Inode}/{name}", socket)], exception => Assert.Fail(exception.Message)));

    private FileHandle OpenListener(IPAddress address, int port) =>
        Lab.Router.Run(() => Engine.Relay.Listener.Open(TransportProtocol.TCP, new SocketEndpoint(address, (ushort)port), RelayOptions.Default)).Handle;

    private void AssertRefused(int port) =>
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => Keep(Lab.Connect(port))).SocketErrorCode);
}
