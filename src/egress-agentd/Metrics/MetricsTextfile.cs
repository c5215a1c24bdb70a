using EgressAgent.Engine;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Metrics;

/// <summary>
/// Keeps metrics in a file for the textfile collector of node_exporter, as long as it is not disposed: what a dead agent left there would
/// be taken for the truth.
/// </summary>
internal sealed partial class MetricsTextfile : IAsyncDisposable
{
    internal const string Name = "egress-agentd.prom";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly AgentMetrics _metrics;
    private readonly string _path;
    private readonly string _draft;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _run;
    private string? _problem;

    /// <param name="directory">Where the file is kept; it must be there.</param>
    /// <param name="metrics">What to write.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For a file that cannot be written.</param>
    internal MetricsTextfile(string directory, AgentMetrics metrics, TimeProvider time, ILogger logger)
    {
        _metrics = metrics;
        _path = Path.Combine(directory, Name);

        // The collector reads what ends in .prom.
        _draft = Path.Combine(directory, $".{Name}.new");
        _logger = logger;
        _run = Task.Run(() => RunAsync(time));
    }

    /// <summary>Takes the file away.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _end.Dispose();
        try
        {
            File.Delete(_draft);
            File.Delete(_path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (_problem is null)
            {
                LogNotRemoved(_path, exception.Message);
            }
        }
    }

    private async Task RunAsync(TimeProvider time)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                Write(await _metrics.ReadAsync(isOpenMetrics: false, _end.Token).ConfigureAwait(false));
            }
            while (await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
        }
    }

    // The directory may be somebody else's, who could lay a link in the way of the draft: it is made anew, and never followed.
    private void Write(string text)
    {
        try
        {
            File.Delete(_draft);
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Mode };
            using (StreamWriter writer = new(_draft, options))
            {
                File.SetUnixFileMode(((FileStream)writer.BaseStream).SafeFileHandle, Mode);
                writer.Write(text);
            }

            File.Move(_draft, _path, overwrite: true);
            if (_problem is not null)
            {
                LogWrittenAgain(_path);
            }

            _problem = null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string problem = exception switch
            {
                DirectoryNotFoundException => "there is no such directory; make it, or name the one that node_exporter reads (--collector.textfile.directory)",
                UnauthorizedAccessException => "the directory has to belong to root, and be writable by its owner",
                _ => exception.Message,
            };
            if (problem != _problem)
            {
                LogFailed(_path, problem);
            }

            _problem = problem;
        }
    }

    [LoggerMessage(EventId = EventIds.MetricsNotShown, EventName = nameof(EventIds.MetricsNotShown), Level = LogLevel.Warning,
        Message = "{Path}: metrics cannot be written: {Problem}; it is tried again every 15 s")]
    private partial void LogFailed(string path, string problem);

    [LoggerMessage(EventId = EventIds.MetricsNotShown, Level = LogLevel.Information, Message = "{Path}: metrics are written again")]
    private partial void LogWrittenAgain(string path);

    [LoggerMessage(EventId = EventIds.MetricsNotShown, Level = LogLevel.Warning,
        Message = "{Path}: metrics of this agent stay there, remove the file: {Problem}")]
    private partial void LogNotRemoved(string path, string problem);
}
