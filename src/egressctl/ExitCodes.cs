namespace EgressAgent.Control;

/// <summary>What egressctl exits with.</summary>
internal static class ExitCodes
{
    internal const int Success = 0;

    /// <summary>Something is not as it should be, and what was printed says what.</summary>
    internal const int Degraded = 1;

    /// <summary>The command line is in error, there is no such router, or the agent refuses; standard error says why.</summary>
    internal const int Usage = 2;

    /// <summary>No agent answers.</summary>
    internal const int NoAgent = 3;
}
