using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>
/// What an agent asks the kernel for to build a router, and a new one to take over what is there. Counted, as times depend on the machine.
/// </summary>
public sealed class AdoptionCostTests : IDisposable
{
    private const int MaxRounds = 3;

    // RFC 5227, 2.3: ANNOUNCE_INTERVAL.
    private static readonly TimeSpan AnnouncementInterval = TimeSpan.FromSeconds(2);

    private readonly ScratchNamespace _node = ScratchNamespace.Create();
    private readonly DirectoryInfo _runtime = Directory.CreateTempSubdirectory("egress-adoption-");
    private readonly List<RouterKey> _built = [];

    // Nobody asks a gateway again meanwhile.
    private readonly FakeTimeProvider _time = new();

    public AdoptionCostTests()
    {
        Ip("link add ens3 type veth peer name p-ens3");
        Ip("link set ens3 up");
        Ip("link set p-ens3 up");
        Ip("address add 192.168.12.10/24 dev ens3");
        Ip("route add default via 192.168.12.1");
    }

    public void Dispose()
    {
        foreach (RouterKey key in _built)
        {
            NetworkNamespace.Delete(RouterNames.Netns(key));
        }

        _node.Dispose();
        _runtime.Delete(recursive: true);
    }

    [Fact]
    public void Adoption_of_a_router_asks_the_kernel_for_as_much_beside_thirty_others_as_alone()
    {
        IReadOnlyList<string> alone = CallsOfTheLastAdoption(others: 0);

        IReadOnlyList<string> beside = CallsOfTheLastAdoption(others: 30);

        // What the kernel tells meanwhile is read here or by the monitor's own thread.
        Assert.Equal(Count(alone.Where(call => call != "recvfrom")), Count(beside.Where(call => call != "recvfrom")));

        // Two looks at links, addresses, routes, rules and the node's id; the rest is whose the netns is, connection tracking's statistics,
        // the table's generation, and the gateway. Nothing is announced: the network was told.
        Assert.Equal(17, alone.Count(call => call == "sendto"));
        Assert.Equal(9, alone.Count(call => call == "socket"));
        Assert.DoesNotContain("memfd_create", alone);
    }

    [Fact]
    public void Building_a_router_asks_the_kernel_for_as_much_beside_thirty_others_as_alone()
    {
        using LinuxKernel kernel = OpenKernel();

        // Libraries are loaded with the first, and its inside network is held for all.
        CallsOfBuilding(kernel);
        IReadOnlyList<string> alone = CallsOfBuilding(kernel);
        for (int number = 0; number < 30; number++)
        {
            using IKernelRouter other = kernel.Open(NextRouter(kernel, out DesiredRouter desired));
            Converge(other, desired);
        }

        IReadOnlyList<string> beside = CallsOfBuilding(kernel);

        // The node's own news is read by whoever looks first.
        Assert.Equal(Count(alone.Where(call => call is not ("recvfrom" or "recvmsg"))), Count(beside.Where(call => call is not ("recvfrom" or "recvmsg"))));

        // One script for the table and one listing of it; a netns that is new is not listed before.
        Assert.Equal(2, alone.Count(call => call == "memfd_create"));
    }

    private IReadOnlyList<string> CallsOfBuilding(LinuxKernel kernel)
    {
        using IKernelRouter router = kernel.Open(NextRouter(kernel, out DesiredRouter desired));
        return SystemCalls.Of(() => Converge(router, desired));
    }

    private RouterKey NextRouter(LinuxKernel kernel, out DesiredRouter desired)
    {
        desired = Desired(kernel, _built.Count + 1);
        _built.Add(desired.Key);
        return desired.Key;
    }

    private IReadOnlyList<string> CallsOfTheLastAdoption(int others)
    {
        DesiredRouter[] routers;
        using (LinuxKernel kernel = OpenKernel())
        {
            routers = [.. Enumerable.Range(_built.Count + 1, others + 1).Select(number => Desired(kernel, number))];
            foreach (DesiredRouter router in routers)
            {
                _built.Add(router.Key);
                using IKernelRouter built = kernel.Open(router.Key);
                Converge(built, router);
                _time.Advance(AnnouncementInterval);
                Converge(built, router);
            }
        }

        using LinuxKernel next = OpenKernel();
        next.ObserveNode();
        List<IKernelRouter> opened = [];
        try
        {
            foreach (DesiredRouter router in routers[..^1])
            {
                opened.Add(next.Open(router.Key));
                Converge(opened[^1], router);
            }

            opened.Add(next.Open(routers[^1].Key));
            return SystemCalls.Of(() => Converge(opened[^1], routers[^1]));
        }
        finally
        {
            opened.ForEach(router => router.Dispose());
        }
    }

    private LinuxKernel OpenKernel() => _node.Namespace.Run(
        () => new LinuxKernel(AgentOwner.Of("/nonexistent"), runtime: _runtime.FullName, time: _time));

    private static DesiredRouter Desired(LinuxKernel kernel, int number)
    {
        RouterKey key = new("default", $"t-{ScratchNamespace.UniqueSuffix()}");
        EgressRouterSpec spec = new()
        {
            Addresses = [new AddressSpec(Example.Cidr($"192.168.12.{20 + number}/24"), null)],
            Rules = [Example.Rule(8080, "203.0.113.26", 80)],
        };
        var allocation = new RouterAllocation([Example.Cidr($"198.18.0.{number}/16")], InsideAddressAllocator.DeriveMac(Example.MachineId, key));
        return RouterPlanner.Plan(key, spec, allocation, kernel.ObserveNode(), AgentConfiguration.Default).Desired!;
    }

    private static void Converge(IKernelRouter router, DesiredRouter desired)
    {
        IReadOnlyList<RouterStep> steps = RouterDiff.Build(desired, router.Observe(), PriorHolderCheck.Skip);
        for (int round = 0; steps.Count > 0; round++)
        {
            Assert.True(round < MaxRounds, $"after {MaxRounds} rounds there is still to do: {string.Join("; ", steps)}");
            foreach (RouterStep step in steps)
            {
                router.Apply(step);
            }

            steps = RouterDiff.Build(desired, router.Observe(), PriorHolderCheck.Skip);
        }
    }

    private static Dictionary<string, int> Count(IEnumerable<string> calls) =>
        calls.GroupBy(call => call).OrderBy(group => group.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count());

    private void Ip(string arguments) => Command.Check(["ip", "-n", _node.Name, .. arguments.Split(' ')]);
}
