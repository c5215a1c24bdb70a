using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>A test with the real agent, over the real kernel, on a message bus of the test's own.</summary>
public abstract class BusTest : IDisposable
{
    protected const string Service = "org.egressagent.Agent1";
    protected const string Manager = "/org/egressagent/Agent1";
    protected const string ManagerInterface = Service + ".Manager";
    protected const string RouterInterface = Service + ".Router";

    private readonly AgentScenario _scenario;
    private AgentProcess? _agent;

    /// <param name="datapath">That of routers whose document does not name one.</param>
    protected BusTest(string datapath = "kernel")
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Daemon = PrivateBus.Start();
        Busctl = new Busctl(Daemon.Address);
        _scenario = new AgentScenario(datapath);
        Files.Bus = Daemon.Address;
    }

    protected PrivateBus Daemon { get; }

    protected Busctl Busctl { get; }

    protected EgressLab Lab => _scenario.Lab;

    protected AgentFiles Files => _scenario.Files;

    public virtual void Dispose()
    {
        _scenario.Dispose();
        Daemon.Dispose();
    }

    protected AgentProcess StartAgent()
    {
        _agent = _scenario.StartAgent();
        WaitForService();
        return _agent;
    }

    protected void WaitForService() => Eventually.True(
        "the name on the bus",
        () => Busctl.Run("call", Service, Manager, ManagerInterface, "ListRouters").ExitCode == 0,
        otherwise: () => _agent?.Log ?? "");

    protected void WaitForState(string router, string state) => Eventually.True(
        $"{router} to be {state}", () => Property(router, "State") == $"s \"{state}\"", otherwise: () => Busctl.Run("introspect", Service, PathOf(router)).Output);

    protected static string PathOf(string router) => $"{Manager}/router/default/{router}";

    protected string Property(string router, string property) =>
        Busctl.Run("get-property", Service, PathOf(router), RouterInterface, property).Output.TrimEnd('\n');

    protected string ManagerProperty(string property) => Busctl.Run("get-property", Service, Manager, ManagerInterface, property).Output.TrimEnd('\n');
}
