namespace EgressAgent.Model.Tests;

/// <summary>Files that are installed, read from the source tree.</summary>
internal static class RepositoryFiles
{
    public static readonly string Root = FindRoot();

    public static byte[] Read(string path) => File.ReadAllBytes(Path.Combine(Root, path));

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "egress-agentd.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException($"no egress-agentd.sln above {AppContext.BaseDirectory}");
    }
}
