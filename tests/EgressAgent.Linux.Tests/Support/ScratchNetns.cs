using System.Text.Json;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;

namespace EgressAgent.Linux.Tests.Support;

/// <summary>A network namespace of the test's own, with a name that nobody else has, which is gone afterwards.</summary>
internal sealed class ScratchNetns : IDisposable
{
    private readonly Lazy<RouteNetlink> _netlink;

    private ScratchNetns(string name)
    {
        Name = name;
        Namespace = NetworkNamespace.TryCreate(name) ?? throw new InvalidOperationException($"{name} exists");
        _netlink = new Lazy<RouteNetlink>(() => RouteNetlink.Open(Namespace));
    }

    public string Name { get; }

    public NetworkNamespace Namespace { get; }

    public RouteNetlink Netlink => _netlink.Value;

    /// <summary>Skips the test where namespaces cannot be made.</summary>
    public static ScratchNetns Create()
    {
        Requires.Root();
        return new ScratchNetns(UniqueName());
    }

    /// <summary>Begins every name that this process makes.</summary>
    public static string OwnPrefix { get; } = $"egt-{Environment.ProcessId:x}-";

    public static string UniqueName() => $"{OwnPrefix}{Random.Shared.Next():x8}";

    /// <summary>A veth pair in this namespace, both ends up; a veth end serves as a macvlan's parent too.</summary>
    public (Link Near, Link Far) AddVeth(string near = "v0", string far = "v1")
    {
        Assert.True(Netlink.AddVeth(new NewVeth { Name = near, PeerName = far }));
        Link first = Up(near);
        return (first, Up(far));
    }

    public Link Up(string name)
    {
        Netlink.SetLinkUp(Netlink.GetLink(name)!.Index, true);
        return Netlink.GetLink(name)!;
    }

    /// <summary>Before that the kernel drops what is sent.</summary>
    public void AwaitOperational(string name) =>
        Eventually.True(() => Netlink.GetLink(name)!.OperationalState == OperationalState.Up, $"{name} is operational");

    /// <summary><c>ip -n NAME …</c>.</summary>
    public string Ip(string arguments) => Tool.Run("ip", ["-n", Name, .. arguments.Split(' ')]);

    public JsonElement IpJson(string arguments) => Tool.RunJson("ip", ["-n", Name, "-d", "-j", .. arguments.Split(' ')]);

    /// <summary>Any command inside the namespace.</summary>
    public string Exec(string file, params string[] arguments) =>
        Tool.Run("nsenter", [$"--net={NetworkNamespace.PathOf(Name)}", file, .. arguments]);

    public void Dispose()
    {
        if (_netlink.IsValueCreated)
        {
            _netlink.Value.Dispose();
        }

        NetworkNamespace.Delete(Name);
        Namespace.Dispose();
    }
}
