using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Metrics;

/// <summary>
/// Serves metrics over HTTP at an address of loopback. Each connection is one request, and has five seconds in all; of more than eight at
/// a time the others wait, so that nobody who is slow keeps the agent busy.
/// </summary>
internal sealed partial class MetricsServer : IAsyncDisposable
{
    private const string Path = "/metrics";
    private const int MaxConnections = 8;
    private const int MaxHeadBytes = 8192;

    private static readonly TimeSpan ConnectionTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private readonly IPEndPoint _endpoint;
    private readonly AgentMetrics _metrics;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end = new();
    private readonly SemaphoreSlim _free = new(MaxConnections);
    private readonly Task _run;

    /// <param name="endpoint">An address of loopback, and the port.</param>
    /// <param name="metrics">What to serve.</param>
    /// <param name="logger">For an address that cannot be had.</param>
    internal MetricsServer(IPEndPoint endpoint, AgentMetrics metrics, ILogger logger)
    {
        _endpoint = endpoint;
        _metrics = metrics;
        _logger = logger;
        _run = Task.Run(RunAsync);
    }

    /// <summary>Cuts what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        for (int i = 0; i < MaxConnections; i++)
        {
            await _free.WaitAsync().ConfigureAwait(false);
        }

        _end.Dispose();
    }

    private async Task RunAsync()
    {
        string? problem = null;
        try
        {
            // What flows have carried until now is an earlier agent's, and is not told once more.
            await _metrics.RefreshAsync(_end.Token).ConfigureAwait(false);
            while (true)
            {
                try
                {
                    using Socket listener = Listen();
                    LogServed(_endpoint, Path);
                    problem = null;
                    await AcceptAsync(listener).ConfigureAwait(false);
                }
                catch (SocketException exception)
                {
                    if (problem != exception.Message)
                    {
                        LogFailed(_endpoint, exception.Message);
                    }

                    problem = exception.Message;
                    await Task.Delay(RetryInterval, _end.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private Socket Listen()
    {
        var listener = new Socket(_endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // .NET sets SO_REUSEADDR by itself: a restart finds the port free.
            listener.Bind(_endpoint);
            listener.Listen(MaxConnections);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            await _free.WaitAsync(_end.Token).ConfigureAwait(false);
            Socket connection;
            try
            {
                connection = await listener.AcceptAsync(_end.Token).ConfigureAwait(false);
            }
            catch
            {
                _free.Release();
                throw;
            }

            _ = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(ConnectionTime);
        try
        {
            byte[] buffer = new byte[MaxHeadBytes];
            if (await AnswerAsync(connection, buffer, limit.Token).ConfigureAwait(false) is { } answer)
            {
                for (int sent = 0; sent < answer.Length;)
                {
                    sent += await connection.SendAsync(answer.AsMemory(sent), limit.Token).ConfigureAwait(false);
                }

                // What is closed with something unread is reset, and the client may lose the end.
                connection.Shutdown(SocketShutdown.Send);
                while (await connection.ReceiveAsync(buffer, limit.Token).ConfigureAwait(false) > 0)
                {
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            // The client went, or its time is up.
        }
        catch (Exception exception)
        {
            LogFault(exception);
        }
        finally
        {
            connection.Dispose();
            _free.Release();
        }
    }

    // Null when the client goes before it has asked.
    private async Task<byte[]?> AnswerAsync(Socket connection, byte[] buffer, CancellationToken cancellation)
    {
        int received = 0;
        while (received < buffer.Length)
        {
            int more = await connection.ReceiveAsync(buffer.AsMemory(received), cancellation).ConfigureAwait(false);
            if (more == 0)
            {
                return null;
            }

            received += more;
            int end = buffer.AsSpan(0, received).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                HttpRequest? request = HttpRequest.Read(buffer.AsSpan(0, end), out HttpAnswer? refusal);
                HttpAnswer answer = refusal ?? await AnswerAsync(request!, cancellation).ConfigureAwait(false);
                return answer.ToBytes(withBody: request?.Method != "HEAD");
            }
        }

        return HttpAnswer.Refuse("431 Request Header Fields Too Large", $"a request has {MaxHeadBytes} bytes at most").ToBytes(withBody: true);
    }

    private async Task<HttpAnswer> AnswerAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (!request.IsForLoopback())
        {
            return HttpAnswer.Refuse("403 Forbidden", "Host must be an address of loopback, or localhost");
        }

        if (request.Path != Path)
        {
            return HttpAnswer.Refuse("404 Not Found", $"metrics are at {Path}");
        }

        if (request.Method is not ("GET" or "HEAD"))
        {
            return HttpAnswer.Refuse("405 Method Not Allowed", "GET and HEAD are served", "Allow: GET, HEAD\r\n");
        }

        bool isOpenMetrics = AcceptHeader.PrefersOpenMetrics(request.Accept);
        return new HttpAnswer("200 OK", MetricsText.TypeOf(isOpenMetrics), await _metrics.ReadAsync(isOpenMetrics, cancellation).ConfigureAwait(false));
    }

    [LoggerMessage(EventId = EventIds.MetricsNotShown, EventName = nameof(EventIds.MetricsNotShown), Level = LogLevel.Warning,
        Message = "metrics cannot be served at {Endpoint}: {Problem}; it is tried again every 5 s")]
    private partial void LogFailed(IPEndPoint endpoint, string problem);

    [LoggerMessage(EventId = EventIds.MetricsNotShown, Level = LogLevel.Error, Message = "metrics: a request failed, please report it")]
    private partial void LogFault(Exception exception);

    [LoggerMessage(EventId = EventIds.MetricsNotShown, Level = LogLevel.Information, Message = "metrics are served at http://{Endpoint}{Path}")]
    private partial void LogServed(IPEndPoint endpoint, string path);
}
