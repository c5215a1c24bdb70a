using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Tests.Support;
using Xunit.Sdk;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(NothingLeaks))]
[assembly: Parallelization(Mode = ParallelMode.None)]

namespace EgressAgent.Linux.Tests.Support;

/// <summary>
/// Holds after the whole suite: no thread of the process sits in another network namespace, no descriptor of a namespace is open
/// but the process's own, and no name is left.
/// </summary>
public sealed class NothingLeaks : IDisposable
{
    private readonly NetworkNamespaceId _host = CurrentId();

    public void Dispose()
    {
        // A test that failed half-way may have left names; they must not outlive the run.
        string[] names = [.. NetworkNamespace.List().Where(name => name.StartsWith(ScratchNetns.OwnPrefix, StringComparison.Ordinal))];
        Array.ForEach(names, name => NetworkNamespace.Delete(name));

        Assert.Equal([], ThreadNamespace.ListOwn().Where(thread => thread.Namespace != _host));
        Assert.InRange(OpenNamespaceDescriptors(), 0, 1);
        Assert.Equal([], names);
    }

    internal static NetworkNamespaceId CurrentId()
    {
        using NetworkNamespace current = NetworkNamespace.Current();
        return current.Id;
    }

    internal static int OpenNamespaceDescriptors() =>
        Directory.EnumerateFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget?.StartsWith("net:", StringComparison.Ordinal) == true);
}
