using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>What a logger was given.</summary>
internal sealed record LoggedEvent(LogLevel Level, int Id, string Text);
