using EgressAgent.Engine.Cluster.Etcd;

namespace EgressAgent.Engine.Tests.Cluster;

/// <summary>What an etcd holds, as its answers show it: keys, revisions, and leases that go at their time or earlier.</summary>
internal sealed class SimulatedEtcd
{
    internal const long Ttl = 2_000_000_000;

    private readonly SortedDictionary<string, EtcdEntry> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<long, long> _leases = [];
    private long _nextLease = 1;

    internal long Revision { get; private set; } = 1;

    internal event Action<EtcdChange>? Changed;

    internal IReadOnlyCollection<long> Leases => _leases.Keys;

    internal IReadOnlyList<EtcdEntry> Entries => [.. _keys.Values];

    internal EtcdEntry? Find(string key) => _keys.GetValueOrDefault(key);

    internal long Grant(long now)
    {
        _leases.Add(_nextLease, now + Ttl);
        return _nextLease++;
    }

    internal bool KeepAlive(long lease, long now)
    {
        if (!_leases.ContainsKey(lease))
        {
            return false;
        }

        _leases[lease] = now + Ttl;
        return true;
    }

    // As a new leader does.
    internal void RenewAll(long now)
    {
        foreach (long lease in _leases.Keys.ToArray())
        {
            _leases[lease] = now + Ttl;
        }
    }

    internal void Expire(long now)
    {
        foreach (long lease in _leases.Where(lease => lease.Value <= now).Select(lease => lease.Key).ToArray())
        {
            Revoke(lease);
        }
    }

    internal void Revoke(long lease)
    {
        if (_leases.Remove(lease))
        {
            Write([.. _keys.Values.Where(entry => entry.Lease == lease).Select(entry => (entry.Key, (string?)null, 0L))]);
        }
    }

    internal bool HasLease(long lease) => lease == 0 || _leases.ContainsKey(lease);

    /// <summary>Writes at one revision; a value of null deletes.</summary>
    internal void Write(params (string Key, string? Value, long Lease)[] writes)
    {
        if (writes.Length == 0)
        {
            return;
        }

        Revision++;
        List<EtcdEntry> entries = [];
        foreach ((string key, string? value, long lease) in writes)
        {
            EtcdEntry entry = new(key, value ?? "", value is null ? 0 : Find(key)?.Created ?? Revision, Revision, lease);
            if (value is null)
            {
                _keys.Remove(key);
            }
            else
            {
                _keys[key] = entry;
            }

            entries.Add(entry);
        }

        Changed?.Invoke(new EtcdChange(Revision, entries));
    }
}
