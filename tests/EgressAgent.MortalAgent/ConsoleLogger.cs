using EgressAgent.Engine.Reconcile;
using Microsoft.Extensions.Logging;

namespace EgressAgent.MortalAgent;

/// <summary>Prints what is worth a warning.</summary>
internal sealed class ConsoleLogger : ILogger<Reconciler>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Console.WriteLine(formatter(state, exception));
        }
    }
}
