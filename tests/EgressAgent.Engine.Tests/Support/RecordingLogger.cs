using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>Keeps what was logged.</summary>
internal sealed class RecordingLogger<T> : ILogger<T>
{
    private readonly ConcurrentQueue<(EventId Id, string Text)> _entries = [];

    /// <summary>The texts of one kind of event, in order.</summary>
    public IEnumerable<string> Of(int eventId) => _entries.Where(entry => entry.Id.Id == eventId).Select(entry => entry.Text);

    /// <summary>How often a pass was made.</summary>
    public int PassCount => _entries.Count(entry => entry.Text.EndsWith("a pass over it begins", StringComparison.Ordinal));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _entries.Enqueue((eventId, formatter(state, exception)));
}
