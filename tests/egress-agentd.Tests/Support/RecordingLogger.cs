using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>Keeps what was logged.</summary>
internal sealed class RecordingLogger<T> : ILogger<T>
{
    private readonly ConcurrentQueue<LoggedEvent> _events = [];

    public IReadOnlyList<LoggedEvent> Events => [.. _events];

    /// <summary>The texts of one kind of event, in order.</summary>
    public IReadOnlyList<string> Of(int eventId) => [.. _events.Where(entry => entry.Id == eventId).Select(entry => entry.Text)];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _events.Enqueue(new LoggedEvent(logLevel, eventId.Id, formatter(state, exception)));
}
