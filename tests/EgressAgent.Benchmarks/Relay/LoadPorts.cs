namespace EgressAgent.Benchmarks.Relay;

/// <summary>What the load server does at which port.</summary>
internal static class LoadPorts
{
    /// <summary>Sends without end.</summary>
    internal const ushort Stream = 9001;

    /// <summary>Sends back what it gets, until the client closes.</summary>
    internal const ushort Echo = 9002;

    /// <summary>Counts the datagrams that it gets.</summary>
    internal const ushort Sink = 9003;

    /// <summary>Sends datagrams as the first one that it gets tells it.</summary>
    internal const ushort Source = 9004;

    /// <summary>nginx.</summary>
    internal const ushort Web = 9005;
}
