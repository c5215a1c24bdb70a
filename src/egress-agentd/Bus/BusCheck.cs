using EgressAgent.Daemon.Watch;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Bus;

/// <summary>
/// Checks files for callers, off the bus's loop and one call at a time: what a call may take is bounded by the limits of a file,
/// and many calls take no more at once than one.
/// </summary>
internal static class BusCheck
{
    // What a reply may hold: some hundred kilobytes, and more than anyone reads.
    private const int MaxFindings = 1000;

    private static readonly SemaphoreSlim Turn = new(1);

    /// <summary>What is wrong with a file or with those in a directory, as far as it fits into a reply.</summary>
    /// <exception cref="BusException">There is nothing at the path, or it cannot be read.</exception>
    internal static async Task<IReadOnlyList<Diagnostic>> RunAsync(string path, string routersDirectory)
    {
        await Turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(
                () => Run(path, routersDirectory), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            Turn.Release();
        }
    }

    private static IReadOnlyList<Diagnostic> Run(string path, string routersDirectory)
    {
        RouterFileCheck check;
        try
        {
            check = RouterFileCheck.Run([path], new CheckedAgent(routersDirectory, Paths.Configuration));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BusException(BusErrorNames.Failed, exception.Message);
        }

        if (check.Missing.Count > 0)
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{path}: no such file or directory");
        }

        return check.Findings.Count <= MaxFindings
            ? check.Findings
            :
            [
                .. check.Findings.Take(MaxFindings),
                new Diagnostic(new SourceLocation(path, 0, 0), "", $"{check.Findings.Count - MaxFindings} more findings are not shown here; egress-agentd check {path} prints them all"),
            ];
    }
}
