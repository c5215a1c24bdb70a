namespace EgressAgent.Model;

/// <summary>Times as the journal and D-Bus have them.</summary>
public static class UnixTime
{
    /// <summary>Microseconds since 1970; back again it is <see cref="DateTimeOffset.AddMicroseconds"/>.</summary>
    public static long MicrosecondsOf(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
