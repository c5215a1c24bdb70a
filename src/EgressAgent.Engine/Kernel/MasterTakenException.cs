namespace EgressAgent.Engine.Kernel;

/// <summary>The kernel lets no macvlan of this mode on the master, because of somebody else who is there.</summary>
public sealed class MasterTakenException(string message) : IOException(message);
