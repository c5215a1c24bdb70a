using System.Text;

namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>What is done at once, if all conditions hold, and what is read if they do not.</summary>
public sealed class EtcdTransaction
{
    private readonly List<Compare> _conditions = [];
    private readonly List<RequestOperation> _then = [];
    private readonly List<RequestOperation> _else = [];

    /// <summary>That there is no such key.</summary>
    public EtcdTransaction IfAbsent(string key) => IfCreated(key, revision: 0);

    /// <summary>That the key is the one that was made at a revision.</summary>
    public EtcdTransaction IfCreated(string key, long revision)
    {
        _conditions.Add(new Compare(Bytes(key), "CREATE", revision, null));
        return this;
    }

    /// <summary>That the key was last written at a revision.</summary>
    public EtcdTransaction IfModified(string key, long revision)
    {
        _conditions.Add(new Compare(Bytes(key), "MOD", null, revision));
        return this;
    }

    /// <param name="key">The key.</param>
    /// <param name="value">What it gets.</param>
    /// <param name="lease">With which it goes; null for none.</param>
    public EtcdTransaction Put(string key, string value, long? lease = null)
    {
        _then.Add(new RequestOperation(RequestPut: new PutRequest(Bytes(key), Bytes(value), lease)));
        return this;
    }

    public EtcdTransaction Delete(string key)
    {
        _then.Add(new RequestOperation(RequestDeleteRange: new DeleteRangeRequest(Bytes(key))));
        return this;
    }

    /// <summary>Reads a key.</summary>
    public EtcdTransaction Read(string key)
    {
        _then.Add(new RequestOperation(new RangeRequest(Bytes(key), null)));
        return this;
    }

    /// <summary>Reads all keys that begin so.</summary>
    public EtcdTransaction ReadAll(string prefix)
    {
        _then.Add(new RequestOperation(new RangeRequest(Bytes(prefix), End(prefix))));
        return this;
    }

    /// <summary>Reads a key if the conditions do not hold.</summary>
    public EtcdTransaction OrRead(string key)
    {
        _else.Add(new RequestOperation(new RangeRequest(Bytes(key), null)));
        return this;
    }

    internal TransactionRequest ToRequest() => new([.. _conditions], [.. _then], _else.Count == 0 ? null : [.. _else]);

    internal static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    // The first key that does not begin so: the keys here end in `/`, which `0` follows.
    internal static byte[] End(string prefix)
    {
        byte[] end = Bytes(prefix);
        end[^1]++;
        return end;
    }
}

/// <summary>What came of a transaction.</summary>
/// <param name="Succeeded">Whether the conditions held.</param>
/// <param name="Revision">Of the store, after it: of what it wrote, the revision.</param>
/// <param name="Entries">What was read.</param>
public sealed record EtcdOutcome(bool Succeeded, long Revision, IReadOnlyList<EtcdEntry> Entries);

/// <summary>A key and what it has.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Empty for one that was deleted.</param>
/// <param name="Created">The revision at which it was made; 0 for one that was deleted.</param>
/// <param name="Modified">The revision at which it was last written, or deleted.</param>
/// <param name="Lease">With which it goes; 0 for none.</param>
public sealed record EtcdEntry(string Key, string Value, long Created, long Modified, long Lease)
{
    /// <summary>Whether the key is gone.</summary>
    public bool IsDeleted => Created == 0;

    internal static EtcdEntry Of(EtcdKeyValue kv) =>
        new(Text(kv.Key), Text(kv.Value), kv.CreateRevision, kv.ModRevision, kv.Lease);

    private static string Text(byte[]? bytes) => Encoding.UTF8.GetString(bytes ?? []);
}

/// <summary>What a watch tells: keys that were written or deleted, in order.</summary>
/// <param name="Revision">Up to which everything was told.</param>
/// <param name="Entries">What changed.</param>
/// <param name="IsCompacted">The revision from which to watch is not there any more: everything has to be read again. Nothing follows.</param>
public sealed record EtcdChange(long Revision, IReadOnlyList<EtcdEntry> Entries, bool IsCompacted = false);
