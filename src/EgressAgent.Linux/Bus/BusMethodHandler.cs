namespace EgressAgent.Linux.Bus;

/// <summary>
/// Answers one method call on the bus thread, which serves nobody else meanwhile: work that may block is deferred
/// (<see cref="BusMethodCall.Defer"/>). A <see cref="BusException"/> becomes the error reply; any other exception is reported to
/// <see cref="BusOptions.Faulted"/> and the caller gets <see cref="BusErrorNames.Failed"/>.
/// </summary>
public delegate void BusMethodHandler<in T>(T context, BusMethodCall call);
