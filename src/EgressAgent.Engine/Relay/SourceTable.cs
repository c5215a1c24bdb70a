namespace EgressAgent.Engine.Relay;

/// <summary>
/// The sources of a loop by number. The number and a generation travel through epoll with each event: an event that was fetched
/// before its source went, or that belongs to the slot's former owner, finds nobody.
/// </summary>
internal sealed class SourceTable
{
    private readonly Stack<int> _free = new();
    private LoopSource?[] _sources = new LoopSource?[64];
    private uint[] _generations = new uint[64];
    private int _used;

    internal void Add(LoopSource source)
    {
        if (!_free.TryPop(out int slot))
        {
            slot = _used++;
            if (slot == _sources.Length)
            {
                Array.Resize(ref _sources, 2 * slot);
                Array.Resize(ref _generations, 2 * slot);
            }
        }

        _sources[slot] = source;
        source.Slot = slot;
    }

    internal void Remove(LoopSource source)
    {
        _sources[source.Slot] = null;
        _generations[source.Slot]++;
        _free.Push(source.Slot);
    }

    /// <summary>What epoll is to bring back with the events of one of the source's descriptors.</summary>
    internal ulong TagOf(LoopSource source, int side) =>
        (ulong)_generations[source.Slot] << 32 | (uint)source.Slot << 1 | (uint)side;

    internal LoopSource? Find(ulong tag, out int side)
    {
        side = (int)(tag & 1);
        int slot = (int)((uint)tag >> 1);
        return _generations[slot] == (uint)(tag >> 32) ? _sources[slot] : null;
    }
}
