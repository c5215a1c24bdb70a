namespace EgressAgent.Linux.Bus;

/// <summary>Writes the body of a message.</summary>
public delegate void BusMessageBuilder(BusMessageWriter body);
