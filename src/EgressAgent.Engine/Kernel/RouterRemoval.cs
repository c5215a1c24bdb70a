using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Takes a router out of the kernel, whatever state it is in.</summary>
public static class RouterRemoval
{
    /// <param name="kernel">Where it is.</param>
    /// <param name="key">The router.</param>
    /// <param name="taken">Told of every step that was taken.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused a step; those before it were taken.</exception>
    public static void Run(IKernel kernel, RouterKey key, Action<RouterStep> taken)
    {
        using IKernelRouter router = kernel.Open(key);
        Run(router, key, taken);
    }

    internal static void Run(IKernelRouter router, RouterKey key, Action<RouterStep> taken)
    {
        foreach (RouterStep step in RouterDiff.Remove(key, router.Observe()))
        {
            router.Apply(step);
            taken(step);
        }
    }
}
