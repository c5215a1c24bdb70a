using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// A client's subscription to one signal. Signals that arrive while the client does something else are kept, in order, until they
/// are read. To be disposed before its client is.
/// </summary>
public sealed unsafe class BusSubscription : IDisposable
{
    private readonly nint _bus;
    private readonly Queue<nint> _arrived = new();
    private GCHandle _self;
    private nint _slot;

    internal BusSubscription(nint bus, BusTarget target, string signal)
    {
        _bus = bus;
        _self = GCHandle.Alloc(this);
        int result = LibSystemd.sd_bus_match_signal(
            bus,
            out _slot,
            target.Destination,
            target.Path,
            target.Interface,
            signal,
            &BusCallbacks.OnSignal,
            GCHandle.ToIntPtr(_self));
        if (result < 0)
        {
            _self.Free();
        }

        LibSystemd.Check(result, "subscribe to", $"{target.Interface}.{signal} at {target.Destination}");
    }

    /// <summary>Waits for the next signal and reads it; false where none comes in time.</summary>
    /// <exception cref="BusException">The signal is not of the types that were read.</exception>
    /// <exception cref="LinuxException">The bus is gone.</exception>
    public bool TryRead<T>(TimeSpan timeout, Func<BusMessageReader, T> read, out T? value)
    {
        value = default;
        if (!WaitForSignal(timeout))
        {
            return false;
        }

        nint message = _arrived.Dequeue();
        try
        {
            value = read(new BusMessageReader(message));
            return true;
        }
        finally
        {
            LibSystemd.sd_bus_message_unref(message);
        }
    }

    public void Dispose()
    {
        if (!_self.IsAllocated)
        {
            return;
        }

        _slot = LibSystemd.sd_bus_slot_unref(_slot);
        _self.Free();
        while (_arrived.TryDequeue(out nint message))
        {
            LibSystemd.sd_bus_message_unref(message);
        }
    }

    internal void Enqueue(nint message) => _arrived.Enqueue(LibSystemd.sd_bus_message_ref(message));

    private bool WaitForSignal(TimeSpan timeout)
    {
        ulong deadline = LibC.MonotonicMicroseconds() + (ulong)timeout.TotalMicroseconds;
        while (_arrived.Count == 0)
        {
            if (LibSystemd.Check(LibSystemd.sd_bus_process(_bus, null), "read from D-Bus", "") > 0)
            {
                continue;
            }

            ulong now = LibC.MonotonicMicroseconds();
            if (now >= deadline)
            {
                return false;
            }

            LibSystemd.Check(LibSystemd.sd_bus_wait(_bus, deadline - now), "wait for D-Bus", "");
        }

        return true;
    }
}
