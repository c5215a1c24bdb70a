using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>One router in the kernel. Not thread-safe; the router's reconcile pass owns it. Disposing it leaves the kernel as it is.</summary>
public interface IKernelRouter : IDisposable
{
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    ObservedRouter Observe();

    /// <summary>Takes a step. To take it again, or when the kernel is already there, changes nothing.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused; the step is as if it had not been tried, or half done and safe to repeat.</exception>
    /// <exception cref="MasterTakenException">Somebody else has the master of the macvlan.</exception>
    /// <exception cref="AddressConflictException">Another host holds the address to be claimed.</exception>
    void Apply(RouterStep step);
}
