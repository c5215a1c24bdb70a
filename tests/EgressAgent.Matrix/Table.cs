using EgressAgent.Testing.Beside;

namespace EgressAgent.Matrix;

/// <summary>The rows as Markdown.</summary>
internal static class Table
{
    internal static void Print(IReadOnlyList<Row> rows)
    {
        Console.WriteLine("""
            | beside | a process on the node | a subnet behind the node | a LAN host, at an external address | a container | pause |
            |---|---|---|---|---|---|
            """);
        foreach (Row row in rows)
        {
            string pause = row.LongestPause is { } longest ? $"{longest.TotalMilliseconds:0} ms" : "";
            Console.WriteLine($"| {row.Program} {Upstream(row.Version)} | {string.Join(" | ", Enum.GetValues<ClientKind>().Select(client => Cell(row, client)))} | {pause} |");
        }

        foreach (Row row in rows.Where(row => row.Failure is not null))
        {
            Console.WriteLine($"\n**{row.Program}**, {row.Failure}");
        }
    }

    private static string Cell(Row row, ClientKind client) =>
        client == ClientKind.Container && row.Program.Engine is null ? "there is none"
        : !row.Cells.TryGetValue(client, out IReadOnlyList<string>? commands) ? "**not known**"
        : commands.Count == 0 ? "works"
        : "works after " + string.Join(" and ", commands.Select(command => $"`{command}`"));

    // Without what Debian adds to it.
    private static string Upstream(string version) => version.Split(':')[^1].Split('-', '+')[0];
}
