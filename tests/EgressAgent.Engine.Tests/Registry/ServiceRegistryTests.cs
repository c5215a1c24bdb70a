using System.Collections.Immutable;
using System.Net;
using System.Text;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Registry;

/// <summary>Services stand beside routers in the one registry.</summary>
public sealed class ServiceRegistryTests : IDisposable
{
    private static readonly IPNetwork Network = IPNetwork.Parse("198.19.0.0/16");

    private readonly MemoryStore _store = new();
    private readonly FakeTimeProvider _time = new();
    private readonly RecordingLogger<ServiceRegistryTests> _log = new();
    private readonly List<RegistryChange> _changes = [];
    private ResourceRegistry _registry;

    public ServiceRegistryTests()
    {
        _registry = Start();
    }

    [Fact]
    public void Address_follows_from_kind_namespace_and_name_and_is_saved()
    {
        Read("a.yaml", Service("web"));

        RegisteredService service = Assert.Single(_registry.Services);
        Assert.Equal([InsideAddressAllocator.Derive(Network, Key("web"))!], service.ClusterAddresses);
        Restart();
        Assert.Equal(service.ClusterAddresses, Assert.Single(_registry.Services).ClusterAddresses);
    }

    [Fact]
    public void Address_outlives_the_agent_also_where_it_is_not_the_one_of_its_name()
    {
        InterfaceAddress derived = InsideAddressAllocator.Derive(Network, Key("web"))!;
        Read("a.yaml", Service("other", $"clusterIP: {derived.Address},"));
        Read("b.yaml", Service("web"));
        InterfaceAddress given = Assert.Single(Find("web").ClusterAddresses);
        Assert.NotEqual(derived, given);

        _registry.Apply(new FilesReading("routers", [], ["a.yaml"]));
        Restart();
        Read("b.yaml", Service("web"));

        Assert.Equal([given], Find("web").ClusterAddresses);
    }

    [Fact]
    public void Edit_in_error_keeps_the_last_good_one_and_its_address_also_over_a_restart()
    {
        Read("a.yaml", Service("web"));
        RegisteredService before = Find("web");

        Restart();
        Read("a.yaml", Service("web").Replace("port: 80", "port: 0", StringComparison.Ordinal));

        RegisteredService after = Find("web");
        Assert.Equal((before.Wanted, before.ClusterAddresses, 1), (after.Wanted, after.ClusterAddresses, after.Faults.Count));
        Assert.Equal(1, after.Generation);
    }

    [Fact]
    public void File_that_is_removed_takes_the_Service_and_frees_its_address()
    {
        Read("a.yaml", Service("web", "clusterIP: 198.19.0.9,"));
        Read("b.yaml", Service("late", "clusterIP: 198.19.0.9,"));
        Assert.Null(Find("late").Wanted);

        _registry.Apply(new FilesReading("routers", [], ["a.yaml"]));

        Assert.Equal(["198.19.0.9/16"], Find("late").ClusterAddresses.Select(address => address.ToString()));
        Assert.Null(_registry.Find(Key("web")));
        Assert.Contains(Key("web"), _changes[^1].Resources);
    }

    [Fact]
    public void Headless_Service_has_no_address()
    {
        Read("a.yaml", Service("web", "clusterIP: None,"));

        Assert.Empty(Find("web").ClusterAddresses);
    }

    [Fact]
    public void Router_is_due_when_a_Service_begins_or_ceases_to_lead_to_it()
    {
        Read("r.yaml", Example.Router() with { Labels = ImmutableSortedDictionary<string, string>.Empty.Add("app", "egress-router-cni") });
        _changes.Clear();

        Read("a.yaml", Service("web"));
        Assert.True(_registry.Find(Example.Key)!.IsBehindService);
        Assert.Equal([Example.Key], _changes[^1].Routers);

        Read("a.yaml", Service("web").Replace("egress-router-cni", "other", StringComparison.Ordinal));
        Assert.False(_registry.Find(Example.Key)!.IsBehindService);
        Assert.Equal([Example.Key], _changes[^1].Routers);
    }

    [Fact]
    public void Router_and_Service_of_one_name_are_two()
    {
        Read("r.yaml", Example.Router());
        Read("a.yaml", Service(Example.Key.Name));

        Assert.Equal(Example.Key.Name, Assert.Single(_registry.Services).Id.Name);
        Assert.Equal(Example.Key, Assert.Single(_registry.Routers).Key);
        Assert.Empty(_registry.Faults);
    }

    public void Dispose() => _registry.Dispose();

    private static string Service(string name, string fields = "") =>
        $"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{fields} selector: {{app: egress-router-cni}}, ports: [{{port: 80}}]}}}}\n";

    private static ResourceKey Key(string name) => new(ResourceKind.Service, "default", name);

    private RegisteredService Find(string name) => (RegisteredService)_registry.Find(Key(name))!;

    private void Read(string path, string yaml) =>
        _registry.Apply(new FilesReading("routers", [RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml))], []));

    private void Read(string path, EgressRouterResource router)
    {
        RouterFile file = Example.File(router);
        _registry.Apply(new FilesReading("routers", [file with { Path = path }], []));
    }

    private void Restart()
    {
        _registry.Dispose();
        _registry = Start();
    }

    private ResourceRegistry Start()
    {
        ResourceRegistry registry = new(_store, AgentConfiguration.Default, Example.MachineId, _time, _log);
        registry.Changed += _changes.Add;
        return registry;
    }
}
