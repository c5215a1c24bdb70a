using EgressAgent.Testing.Beside;

namespace EgressAgent.Matrix;

/// <summary>The rows as Markdown, and what failed.</summary>
internal static class Table
{
    internal static void Print(IReadOnlyList<Row> rows)
    {
        Console.WriteLine("""
            | beside | a process on the node | a subnet that the node forwards for | a LAN host, at an external address of a Service | a container, which the node masquerades | pause when restarted |
            |---|---|---|---|---|---|
            """);
        foreach (Row row in rows)
        {
            string pause = row.LongestPause is { } longest ? $"{longest.TotalMilliseconds:0} ms" : "";
            Console.WriteLine($"| {row.Program}{Upstream(row.Version)} | {string.Join(" | ", Enum.GetValues<ClientKind>().Select(client => Cell(row, client)))} | {pause} |");
        }

        foreach (Row row in rows.Where(row => row.Failure is not null))
        {
            Console.WriteLine($"\n**{row.Program}**, {row.Failure}");
        }
    }

    private static string Cell(Row row, ClientKind client)
    {
        if (client == ClientKind.Container && row.Program.Engine is null)
        {
            return "there is none";
        }

        if (!row.Cells.TryGetValue(client, out IReadOnlyList<string>? commands))
        {
            return "**not known**";
        }

        string mended = client == ClientKind.Container && row.IsMended ? $"; once its rules are gone, after `{row.Program.Repair}`" : "";
        return (commands.Count == 0 ? "works" : $"after {string.Join(" and ", commands.Select(command => $"`{command}`"))}") + mended;
    }

    // Without what Debian adds to it.
    private static string Upstream(string version) => version.Length == 0 ? "" : $" {version.Split(':')[^1].Split('-', '+')[0]}";
}
