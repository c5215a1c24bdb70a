namespace EgressAgent.Daemon.Commands;

/// <summary>What the commands exit with.</summary>
internal static class ExitCodes
{
    internal const int Success = 0;

    /// <summary>What was asked for is not so, or could not be done; standard error says why.</summary>
    internal const int Failure = 1;

    /// <summary>The command line is in error.</summary>
    internal const int Usage = 2;

    /// <summary>Another process has the state directory (EX_TEMPFAIL of sysexits.h).</summary>
    internal const int InUse = 75;

    /// <summary>The settings are in error, or those of the unit, and a further attempt would end in the same way (EX_CONFIG of sysexits.h).</summary>
    internal const int Configuration = 78;
}
