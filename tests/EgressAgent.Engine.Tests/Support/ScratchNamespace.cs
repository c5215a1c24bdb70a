using EgressAgent.Linux.Namespaces;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A network namespace with a name that nobody else has, gone afterwards. Tests that need one are skipped without root.</summary>
internal sealed class ScratchNamespace : IDisposable
{
    // The runtime's timer thread is made by whichever thread sets the first timer, and inherits its network namespace.
    static ScratchNamespace() => Task.Delay(1).Wait();

    private ScratchNamespace(string name)
    {
        Name = name;
        Namespace = NetworkNamespace.TryCreate(name) ?? throw new InvalidOperationException($"{name} exists");
    }

    public string Name { get; }

    public NetworkNamespace Namespace { get; }

    public static ScratchNamespace Create(string? name = null)
    {
        Requires.Root();
        return new ScratchNamespace(name ?? $"ege-{UniqueSuffix()}");
    }

    /// <summary>Runs conntrack(8) inside.</summary>
    public void Conntrack(params string[] arguments) => Command.Check(["nsenter", $"--net=/run/netns/{Name}", "conntrack", .. arguments]);

    /// <summary>What conntrack(8) lists inside.</summary>
    public string ListConntrack() => Command.Check(["nsenter", $"--net=/run/netns/{Name}", "conntrack", "-L"]);

    public static string UniqueSuffix() => $"{Environment.ProcessId:x}-{Random.Shared.Next():x8}";

    public void Dispose()
    {
        NetworkNamespace.Delete(Name);
        Namespace.Dispose();
    }
}
