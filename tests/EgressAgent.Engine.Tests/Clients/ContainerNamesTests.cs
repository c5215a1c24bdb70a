using System.Net.Sockets;
using System.Text;
using EgressAgent.Engine.Clients;
using EgressAgent.Linux.Cgroups;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Clients;

public sealed class ContainerNamesTests : IDisposable
{
    private static readonly CgroupContainer Billing = new("docker", new string('4', 64));
    private static readonly CgroupContainer Shop = new("libpod", new string('5', 64));

    private readonly string _directory = Directory.CreateTempSubdirectory("egress-names-").FullName;
    private readonly ContainerNames _names;

    public ContainerNamesTests() => _names = new ContainerNames(SocketPath, [Path.Combine(_directory, "storage"), Path.Combine(_directory, "run")]);

    private string SocketPath => Path.Combine(_directory, "docker.sock");

    public void Dispose()
    {
        _names.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    // As the Engine API answers, of which a test without Docker has the words alone.
    [Fact]
    public async Task Docker_is_asked_at_its_socket()
    {
        using Socket docker = Listen();
        Task<string> request = Task.Run(() => Answer(docker, $$"""[{"Id":"{{Billing.Id}}","Names":["/billing"],"State":"running"}]"""));

        Assert.Null(_names.Find(Billing));

        Eventually.Holds(() => Assert.Equal("billing", _names.Find(Billing)));
        Assert.StartsWith("GET /containers/json HTTP/1.0\r\n", await request);
    }

    [Theory]
    [InlineData("storage/overlay-containers/containers.json")]
    [InlineData("run/vfs-containers/volatile-containers.json")]
    public void Podman_s_files_are_read(string file)
    {
        string path = Path.Combine(_directory, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $$"""[{"id":"{{Shop.Id}}","names":["shop"],"image":"","layer":"1"},{"id":"6","names":[]}]""");

        _names.Find(Shop);

        Eventually.Holds(() => Assert.Equal("shop", _names.Find(Shop)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[{\"Id\":")]
    [InlineData("{\"message\":\"no\"}")]
    public async Task Answer_that_is_none_names_nobody_and_podman_is_read_all_the_same(string answer)
    {
        string storage = Path.Combine(_directory, "storage", "vfs-containers");
        Directory.CreateDirectory(storage);
        File.WriteAllText(Path.Combine(storage, "containers.json"), $$"""[{"id":"{{Shop.Id}}","names":["shop"]}]""");
        using Socket docker = Listen();
        Task<string> request = Task.Run(() => Answer(docker, answer));
        _names.Find(Shop);

        Eventually.Holds(() => Assert.Equal("shop", _names.Find(Shop)));
        Assert.Null(_names.Find(Billing));
        Assert.NotEmpty(await request);
    }

    [Fact]
    public void Engine_that_hangs_holds_up_nobody()
    {
        using Socket docker = Listen();
        _names.Find(Billing);
        using Socket hanging = docker.Accept();

        Assert.All(Enumerable.Range(0, 10_000), i => Assert.Null(_names.Find(new CgroupContainer("docker", $"{i:d64}"))));
    }

    private Socket Listen()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        socket.Listen();
        return socket;
    }

    private static string Answer(Socket docker, string body)
    {
        using Socket client = docker.Accept();
        byte[] request = new byte[4096];
        int length = client.Receive(request);
        client.Send(Encoding.UTF8.GetBytes($"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}\n"));
        return Encoding.UTF8.GetString(request, 0, length);
    }
}
