namespace EgressAgent.Testing.Lab;

/// <summary>
/// Compares before and after: the namespaces of the test's own threads, and inside <c>tests/sandbox</c>, where nobody else works,
/// all that <c>tests/snapshot</c> shows: namespaces, links, mounts, tables. Meant as an assembly fixture of test projects that touch
/// the kernel.
/// </summary>
public sealed class LeakCheck : IDisposable
{
    private static readonly bool Alone = Environment.GetEnvironmentVariable("EGRESS_SANDBOX") is not null;

    private readonly HashSet<string> _before = Snapshot();

    /// <summary>What is there now and was not there when this object was made.</summary>
    public IReadOnlyList<string> Leaks() => [.. Snapshot().Except(_before), .. ThreadNamespaces.Strays()];

    /// <exception cref="InvalidOperationException">Something was left behind.</exception>
    public void Dispose()
    {
        IReadOnlyList<string> leaks = Leaks();
        if (leaks.Count > 0)
        {
            throw new InvalidOperationException("The tests left behind:\n" + string.Join('\n', leaks));
        }
    }

    private static HashSet<string> Snapshot() => Alone ? [.. Command.Check(Repository.PathOf("tests/snapshot")).Split('\n')] : [];
}
