using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Systemd;

/// <summary>A descriptor that the service manager passed to us.</summary>
/// <param name="Name">FileDescriptorName= of a socket unit, or the name under which we had it stored; <c>unknown</c> without one.</param>
/// <param name="Handle">The descriptor; the receiver closes it.</param>
public sealed record PassedDescriptor(string Name, FileHandle Handle);
