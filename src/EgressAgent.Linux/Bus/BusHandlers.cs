using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Answers a call on the service's loop, which serves nobody else meanwhile; it must not block. A <see cref="BusException"/>
/// becomes the error reply; any other exception is reported to <see cref="BusOptions.Faulted"/> and the caller gets
/// <see cref="BusErrorNames.Failed"/>. A reply that is begun and fails is not sent.
/// </summary>
/// <param name="context">The object that is called.</param>
/// <param name="call">The call.</param>
/// <param name="reply">Takes the body of the reply, by the declared types of the results.</param>
public delegate void BusMethodHandler<in T>(T context, BusMethodCall call, ref MessageWriter reply);

/// <summary>
/// Answers a call that takes its time. It begins on the service's loop, where it reads the arguments and looks at the object,
/// and leaves the loop for the rest (<see cref="Task.Run(Action)"/>). Exceptions are treated as those of a
/// <see cref="BusMethodHandler{T}"/>; a caller that has left by the end does no harm.
/// </summary>
/// <returns>What writes the body of the reply.</returns>
public delegate Task<BusBody> BusSlowMethodHandler<in T>(T context, BusMethodCall call);

/// <summary>
/// Writes one value of the property's declared type, on the service's loop and without blocking. Exceptions are treated as those
/// of a <see cref="BusMethodHandler{T}"/>.
/// </summary>
public delegate void BusPropertyGetter<in T>(T context, ref MessageWriter value);

/// <summary>
/// Makes a property ready to be read by a caller, off the service's loop. It ends in a bounded time and does not throw: the
/// caller waits for it.
/// </summary>
public delegate Task BusPropertyRefresh<in T>(T context);

/// <summary>
/// Writes the body of a message, on the service's loop and without blocking. What is written is not compared with the declared
/// signature, and a message whose body is of other types makes the bus close the connection.
/// </summary>
public delegate void BusBody(ref MessageWriter body);
