using System.Net;
using EgressAgent.Engine.Kernel;
using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

/// <summary>Takes the steps of a diff until none is left, as a reconcile pass does.</summary>
internal static class RouterConvergence
{
    /// <summary>Enough for any change: some steps take others' work with them, as an address its routes.</summary>
    public const int MaxRounds = 3;

    /// <summary>Brings a router to what is desired; fails when it is not there after <see cref="MaxRounds"/>.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="desired">What is to be.</param>
    /// <param name="maxSteps">After how many steps the agent dies.</param>
    /// <param name="before">What it was before, as far as that was noted.</param>
    /// <returns>The steps that were taken.</returns>
    public static List<RouterStep> Run(IKernel kernel, DesiredRouter desired, int maxSteps = int.MaxValue, params DesiredRouter[] before)
    {
        using IKernelRouter router = kernel.Open(desired.Key);
        List<RouterStep> taken = [];
        IPAddress[] former = [.. before.Append(desired).SelectMany(known => known.Routes).Select(route => route.Gateway ?? route.Destination.BaseAddress)];
        for (int round = 0; ; round++)
        {
            IReadOnlyList<RouterStep> steps = RouterDiff.Build(desired, router.Observe(), PriorHolderCheck.Probe, former);
            if (steps.Count == 0)
            {
                return taken;
            }

            Assert.True(round < MaxRounds, $"after {MaxRounds} rounds there is still to do: {string.Join("; ", steps)}");
            foreach (RouterStep step in steps)
            {
                if (taken.Count == maxSteps)
                {
                    return taken;
                }

                router.Apply(step);
                taken.Add(step);
            }
        }
    }
}
