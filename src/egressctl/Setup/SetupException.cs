namespace EgressAgent.Control.Setup;

/// <summary>A step could not be done.</summary>
internal sealed class SetupException(string message) : Exception(message);
