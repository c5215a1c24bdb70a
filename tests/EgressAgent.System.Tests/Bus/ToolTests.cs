using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Bus;

/// <summary>
/// Everything that there is to read and to call, by three programs of other people, on an agent that has a router of each kind. What
/// is written in other types than it is declared in, or not at all, none of them takes.
/// </summary>
public sealed class ToolTests : BusTest
{
    private static readonly string[] Routers = ["kernel", "relay", "degraded", "failed", "pending"];

    private static readonly string[] ManagerProperties = ["Version", "RouterCount", "DegradedCount", "State", "FaultCount", "Faults"];

    private static readonly string[] RouterProperties =
    [
        "Namespace", "Name", "State", "File", "Generation", "Datapath", "NetworkNamespace", "Master", "MacAddress", "SourceAddresses",
        "InsideAddresses", "Conditions", "Rules", "Fallback", "Gateways", "SpecFile", "SpecLine",
    ];

    [Fact]
    public void Busctl_is_content()
    {
        StartRouters();
        Check("busctl", (path, @interface, property) => Busctl.Check("get-property", Service, path, @interface, property));
        Assert.All(
            (string[])[Manager, .. Routers.Select(PathOf)],
            path =>
            {
                Assert.NotEmpty(Busctl.Check("introspect", Service, path));
                Busctl.Check("call", Service, path, "org.freedesktop.DBus.Peer", "Ping");
                Assert.Matches("^s \"[0-9a-f]{32}\"$", Busctl.Check("call", Service, path, "org.freedesktop.DBus.Peer", "GetMachineId"));
                Assert.StartsWith("a{sv} ", Busctl.Check("call", Service, path, "org.freedesktop.DBus.Properties", "GetAll", "s", path == Manager ? ManagerInterface : RouterInterface));
            });
        Assert.StartsWith("a(sssso) 5 ", Call("ListRouters"));
        Assert.Equal($"o \"{PathOf("relay")}\"", Call("GetRouter", "ss", "default", "relay"));
        Assert.Contains("failed.yaml\"", Call("Check", "s", Files.Routers));
        Assert.StartsWith("aa{sv} ", Call("FindFlow", "sqst", "192.168.12.99", "1", "tcp", "1795000000000000"));
        Assert.Equal("", Call("Reload"));
        Assert.StartsWith("a{oa{sa{sv}}} 5 ", Busctl.Check("call", Service, Manager, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"));
        Assert.All(Routers, router =>
        {
            Assert.StartsWith("a(ssssstt) 0", Busctl.Check("call", Service, PathOf(router), RouterInterface, "ListFlows"));
            Assert.Equal("a(ssssstt)s 0 \"\"", Busctl.Check("call", Service, PathOf(router), RouterInterface, "ListFlowsPage", "su", "", "10"));
            Assert.StartsWith("a(ttsss) ", Busctl.Check("call", Service, PathOf(router), RouterInterface, "Events"));
            Assert.Equal(router != "failed", Busctl.Run("call", Service, PathOf(router), RouterInterface, "GetResource").Output.StartsWith("s \"{", StringComparison.Ordinal));
            Assert.StartsWith("a(ssssssas) 1 ", Call("Explain", "ssss", "default", router, "tcp/8080", ""));
            Assert.Equal("", Busctl.Check("call", Service, PathOf(router), RouterInterface, "Reapply"));
        });
    }

    [Fact]
    public void Gdbus_is_content()
    {
        StartRouters();
        string[] call = ["gdbus", "call", "--address", Daemon.Address, "--dest", Service];
        Check("gdbus", (path, @interface, property) => Command.Check(
            [.. call, "--object-path", path, "--method", "org.freedesktop.DBus.Properties.Get", @interface, property]));
        Assert.All(
            (string[])[Manager, .. Routers.Select(PathOf)],
            path => Assert.Contains($"interface {(path == Manager ? ManagerInterface : RouterInterface)}", Command.Check(
                "gdbus", "introspect", "--address", Daemon.Address, "--dest", Service, "--object-path", path)));
        Assert.All(
            (string[][])
            [
                ["org.freedesktop.DBus.ObjectManager.GetManagedObjects"],
                [ManagerInterface + ".ListRouters"],
                [ManagerInterface + ".GetRouter", "default", "kernel"],
                [ManagerInterface + ".Check", Files.Routers],
                [ManagerInterface + ".Explain", "default", "kernel", "tcp/8080", ""],
                [ManagerInterface + ".FindFlow", "192.168.12.99", "1", "tcp", "1795000000000000"],
                [ManagerInterface + ".Reload"],
            ],
            method => Command.Check([.. call, "--object-path", Manager, "--method", .. method]));
        Assert.All(Routers, router => Assert.All(
            (string[][])
            [
                ["org.freedesktop.DBus.Properties.GetAll", RouterInterface],
                [RouterInterface + ".ListFlows"],
                [RouterInterface + ".ListFlowsPage", "", "10"],
                [RouterInterface + ".Events"],
                [RouterInterface + ".Reapply"],
            ],
            method => Command.Check([.. call, "--object-path", PathOf(router), "--method", .. method])));
    }

    [Fact]
    public void Dbus_send_is_content()
    {
        StartRouters();
        string[] send = ["dbus-send", $"--bus={Daemon.Address}", "--print-reply", $"--dest={Service}"];
        Check("dbus-send", (path, @interface, property) => Command.Check(
            [.. send, path, "org.freedesktop.DBus.Properties.Get", $"string:{@interface}", $"string:{property}"]));
        Assert.All(
            (string[][])
            [
                ["org.freedesktop.DBus.Introspectable.Introspect"],
                ["org.freedesktop.DBus.ObjectManager.GetManagedObjects"],
                [ManagerInterface + ".ListRouters"],
                [ManagerInterface + ".GetRouter", "string:default", "string:kernel"],
                [ManagerInterface + ".Check", $"string:{Files.Routers}"],
                [ManagerInterface + ".Explain", "string:default", "string:kernel", "string:tcp/8080", "string:"],
                [ManagerInterface + ".FindFlow", "string:192.168.12.99", "uint16:1", "string:tcp", "uint64:1795000000000000"],
                [ManagerInterface + ".Reload"],
            ],
            method => Command.Check([.. send, Manager, .. method]));
        Assert.All(Routers, router => Assert.All(
            (string[][])
            [
                ["org.freedesktop.DBus.Properties.GetAll", $"string:{RouterInterface}"],
                [RouterInterface + ".ListFlows"],
                [RouterInterface + ".ListFlowsPage", "string:", "uint32:10"],
                [RouterInterface + ".Events"],
                [RouterInterface + ".Reapply"],
            ],
            method => Command.Check([.. send, PathOf(router), .. method])));
    }

    // Not a constructor's business: what throws there is not disposed of.
    private void StartRouters()
    {
        Files.Write("kernel.yaml", $"{RouterDocument.Web("kernel")}");
        Files.Write("relay.yaml", $"{RouterDocument.Web("relay", "192.168.12.98/24") with { Datapath = "relay", FallbackIP = "10.0.0.99" }}");
        Files.Write("failed.yaml", $"{RouterDocument.Web("failed", "192.168.12.97/24")}".Replace("Redirect\n", "Reverse\n"));
        Files.Write("degraded.yaml", $"{RouterDocument.Web("degraded", "192.168.12.96/24")}");
        Files.Write("pending.yaml", $"{RouterDocument.Web("pending", "192.168.12.95/24")}".Replace("addresses:", "networkInterface: { macvlan: { master: none0 } }\n  addresses:"));
        StartAgent();
        WaitForState("degraded", "active");
        Files.Write("degraded.yaml", $"{RouterDocument.Web("degraded", "192.168.12.96/24")}".Replace("Redirect\n", "Reverse\n"));
        WaitForState("kernel", "active");
        WaitForState("relay", "active");
        WaitForState("degraded", "degraded");
        WaitForState("failed", "failed");
        WaitForState("pending", "pending");
    }

    private static void Check(string tool, Func<string, string, string, string> get)
    {
        Assert.SkipUnless(File.Exists($"/usr/bin/{tool}"), $"needs {tool}");
        Assert.All(ManagerProperties, property => Assert.NotEmpty(get(Manager, ManagerInterface, property)));
        Assert.All(Routers, router => Assert.All(RouterProperties, property => Assert.NotEmpty(get(PathOf(router), RouterInterface, property))));
    }

    private string Call(params string[] method) => Busctl.Check(["call", Service, Manager, ManagerInterface, .. method]);
}
