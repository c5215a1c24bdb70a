namespace EgressAgent.Testing;

/// <summary>Where things lie in the working tree that the tests were built from.</summary>
public static class Repository
{
    /// <summary>The directory that holds <c>egress-agentd.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The native agent: <c>$EGRESS_AGENTD</c>, else what <c>packaging/build</c> made.</summary>
    public static string AgentBinary { get; } =
        Environment.GetEnvironmentVariable("EGRESS_AGENTD") is { Length: > 0 } path
            ? Path.GetFullPath(path)
            : PathOf("artifacts/bin/egress-agentd");

    /// <summary>The native egressctl, which <c>packaging/build</c> makes beside the agent.</summary>
    public static string ControlBinary { get; } = PathOf("artifacts/bin/egressctl");

    /// <summary>The Debian package that <c>packaging/build</c> made.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static string AgentPackage => Directory.Exists(PathOf("artifacts"))
        && Directory.GetFiles(PathOf("artifacts"), "egress-agentd_*.deb").MaxBy(File.GetLastWriteTimeUtc) is { } newest
            ? newest
            : throw new FileNotFoundException("There is no artifacts/egress-agentd_*.deb: run packaging/build.");

    /// <summary>The absolute path of something named relative to <see cref="Root"/>.</summary>
    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "egress-agentd.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No egress-agentd.sln above {AppContext.BaseDirectory}.");
    }
}
