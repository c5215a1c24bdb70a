namespace EgressAgent.Linux.Bus;

/// <summary>
/// Writes one value of the property's declared type, on the bus thread and without blocking. Exceptions are treated as those of a
/// <see cref="BusMethodHandler{T}"/>.
/// </summary>
public delegate void BusPropertyGetter<in T>(T context, BusMessageWriter value);
