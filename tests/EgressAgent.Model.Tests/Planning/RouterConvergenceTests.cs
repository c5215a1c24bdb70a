using CsCheck;
using EgressAgent.Engine.Kernel;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Model.Tests.Planning;

// Plan and diff against a kernel with state, from wherever it is to wherever it should be.
public sealed class RouterConvergenceTests
{
    [Fact]
    public void Any_router_comes_up_from_nothing() => Generate.Spec.Sample(spec =>
    {
        using FakeKernel kernel = FakeNode.Create();

        RouterConvergence.Run(kernel, Generate.Desired(spec, kernel.ObserveNode()));
    });

    [Fact]
    public void Any_router_becomes_any_other() => Gen.Select(Generate.Spec, Generate.Spec).Sample((before, after) =>
    {
        using FakeKernel kernel = FakeNode.Create();
        DesiredRouter first = Generate.Desired(before, kernel.ObserveNode());
        RouterConvergence.Run(kernel, first);

        RouterConvergence.Run(kernel, Generate.Desired(after, kernel.ObserveNode()), before: first);

        AssertLikeNew(kernel, after);
    });

    [Fact]
    public void Death_after_any_step_is_mended() => Gen.Select(Generate.Spec, Generate.Spec, Gen.Int[0, 60]).Sample((before, after, steps) =>
    {
        using FakeKernel kernel = FakeNode.Create();
        DesiredRouter first = Generate.Desired(before, kernel.ObserveNode());
        RouterConvergence.Run(kernel, first, maxSteps: steps);
        RouterConvergence.Run(kernel, Generate.Desired(after, kernel.ObserveNode()), maxSteps: steps / 2, first);

        RouterConvergence.Run(kernel, Generate.Desired(after, kernel.ObserveNode()), before: first);

        AssertLikeNew(kernel, after);
    });

    [Fact]
    public void Death_inside_of_any_step_is_mended()
    {
        for (int request = 1; ; request++)
        {
            using FakeKernel kernel = FakeNode.Create();
            DesiredRouter desired = Generate.Desired(Example.DualSpec, kernel.ObserveNode());
            if (!DiesAt(kernel, request, () => RouterConvergence.Run(kernel, desired)))
            {
                break;
            }

            RouterConvergence.Run(kernel, desired);
            AssertLikeNew(kernel, Example.DualSpec);
        }
    }

    [Fact]
    public void Death_inside_of_a_removal_is_mended()
    {
        for (int request = 1; ; request++)
        {
            using FakeKernel kernel = FakeNode.Create();
            string node = Describe(kernel.ReadNode(Snapshot));
            RouterConvergence.Run(kernel, Generate.Desired(Example.DualSpec, kernel.ObserveNode()));
            bool died = DiesAt(kernel, kernel.RequestCount + request, () => RouterRemoval.Run(kernel, Example.Key, _ => { }));

            RouterRemoval.Run(kernel, Example.Key, _ => { });

            Assert.Empty(kernel.ListRouters());
            Assert.Equal(node, Describe(kernel.ReadNode(Snapshot)));
            if (!died)
            {
                break;
            }
        }
    }

    [Fact]
    public void No_reserved_address_is_there_before_its_filter() => Gen.Select(Generate.Spec, Generate.Spec).Sample((before, after) =>
    {
        using FakeKernel kernel = FakeNode.Create();
        RouterConvergence.Run(kernel, Generate.Desired(before, kernel.ObserveNode()));
        kernel.BeforeStep = (key, step) =>
        {
            if (step is CreateVeth or CreateMacvlan or ClaimAddress)
            {
                DesiredRouter desired = Generate.Desired(after, kernel.ObserveNode());
                Assert.Equal(desired.Redirect, kernel.ReadRouter(key, netns => netns.Redirect));
                Assert.All(OutsideAddresses(kernel), address => Assert.Contains(address, desired.ReservedAddresses.Select(entry => entry.Address)));
            }
        };

        RouterConvergence.Run(kernel, Generate.Desired(after, kernel.ObserveNode()));
    });

    // Once the last address of a router is claimed, nothing but routes and the announcement is left.
    [Fact]
    public void Steps_from_nothing_keep_their_order() => Generate.Spec.Sample(spec =>
    {
        using FakeKernel kernel = FakeNode.Create();

        List<RouterStep> steps = RouterConvergence.Run(kernel, Generate.Desired(spec, kernel.ObserveNode()));

        Assert.True(steps.FindIndex(step => step is ApplyRedirect) < steps.FindIndex(step => step is CreateVeth or CreateMacvlan));
        int firstClaim = steps.FindIndex(step => step is ClaimAddress);
        Assert.True(steps.FindLastIndex(step => step is AddInsideAddress) < firstClaim);
        Assert.True(steps.FindLastIndex(step => step is AddRule) < firstClaim);
        Assert.All(steps.Skip(steps.FindLastIndex(step => step is ClaimAddress) + 1), step => Assert.True(step is SetRoute or SetSysctl or Announce or AskGateways, step.ToString()));
    });

    private static InterfaceAddress[] OutsideAddresses(FakeKernel kernel) => kernel.ReadRouter(
        Example.Key, netns => netns.Find(RouterNames.OutsideLink)?.Addresses.Select(entry => entry.Address).ToArray() ?? []);

    // Wherever a router came from, it is the same as one that was built at once.
    private static void AssertLikeNew(FakeKernel kernel, EgressRouterSpec spec)
    {
        using FakeKernel fresh = FakeNode.Create();
        RouterConvergence.Run(fresh, Generate.Desired(spec, fresh.ObserveNode()));
        Assert.Equal(Describe(fresh.ReadRouter(Example.Key, Snapshot)), Describe(kernel.ReadRouter(Example.Key, Snapshot)));
        Assert.Equal(Describe(fresh.ReadNode(Snapshot)), Describe(kernel.ReadNode(Snapshot)));
    }

    private static IEnumerable<string> Snapshot(FakeNetns netns) =>
    [
        .. netns.Links.Select(link =>
            $"{link.Name} {link.Kind} mtu {link.Mtu} {link.Mode} on {link.Parent?.Name} up {link.IsUp} {string.Join(' ', link.AltNames)}"),
        .. netns.Links.SelectMany(link => link.Addresses.Select(entry => $"{link.Name} {entry.Address}")),
        .. netns.Routes.Select(route =>
            $"{route.Destination} via {route.Gateway} dev {route.Link.Name} table {route.Table} metric {route.Metric} src {route.PreferredSource}"),
        .. netns.Rules.Select(rule => rule.ToString()),
    ];

    private static string Describe(IEnumerable<string> snapshot) => string.Join('\n', snapshot.Order(StringComparer.Ordinal));

    private static bool DiesAt(FakeKernel kernel, int request, Action action)
    {
        kernel.BeforeRequest = number =>
        {
            if (number == request)
            {
                throw new OperationCanceledException("the agent is killed");
            }
        };
        try
        {
            action();
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        finally
        {
            kernel.BeforeRequest = null;
        }
    }
}
