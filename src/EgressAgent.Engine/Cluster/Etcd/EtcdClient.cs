using System.Runtime.CompilerServices;
using System.Text.Json;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>
/// The calls of etcd that an agreement takes, over its JSON gateway (etcd 3.4 or later). Each ends within the time that it is given, and
/// each throws <see cref="EtcdException"/> when etcd does not serve. One that wrote may have taken effect all the same. Any thread.
/// </summary>
public sealed class EtcdClient(EtcdSettings settings, TimeProvider time) : IDisposable
{
    private readonly EtcdConnection _connection = new(settings, time);

    /// <summary>The endpoint that is asked next; another one as soon as it does not answer.</summary>
    public Uri Endpoint => _connection.Endpoint;

    public void Dispose() => _connection.Dispose();

    /// <summary>Makes a lease.</summary>
    /// <param name="ttl">For how long at least, seconds; etcd may give more.</param>
    /// <param name="time">For the call.</param>
    /// <param name="end">Ends the call.</param>
    /// <returns>The lease, and for how long it is there.</returns>
    public async Task<(long Id, TimeSpan Ttl)> GrantAsync(long ttl, TimeSpan time, CancellationToken end)
    {
        LeaseAnswer answer = await _connection.AskAsync(
            "/v3/lease/grant", new LeaseGrantRequest(ttl), EtcdJson.Default.LeaseGrantRequest, EtcdJson.Default.LeaseAnswer, time, end).ConfigureAwait(false);
        return (answer.Id, TimeSpan.FromSeconds(answer.Ttl));
    }

    /// <summary>Gives a lease its full time again.</summary>
    /// <returns>For how long it is there; zero when it is gone.</returns>
    public async Task<TimeSpan> KeepAliveAsync(long lease, TimeSpan time, CancellationToken end)
    {
        StreamAnswer<LeaseAnswer> answer = await _connection.AskAsync(
            "/v3/lease/keepalive", new LeaseRequest(lease), EtcdJson.Default.LeaseRequest, EtcdJson.Default.KeepAliveAnswer, time, end).ConfigureAwait(false);
        return answer switch
        {
            { Result: { } result } => TimeSpan.FromSeconds(result.Ttl),
            { Error: { } error } => throw EtcdErrors.Of(Endpoint, error.GrpcCode, error.Message ?? "", settings.Username),
            _ => throw new EtcdException(EtcdFailure.Refused, $"etcd at {Endpoint.Authority} says nothing of the lease"),
        };
    }

    /// <summary>Ends a lease, and removes its keys. That it is gone already is no error.</summary>
    public async Task RevokeAsync(long lease, TimeSpan time, CancellationToken end)
    {
        try
        {
            await _connection.AskAsync(
                "/v3/lease/revoke", new LeaseRequest(lease), EtcdJson.Default.LeaseRequest, EtcdJson.Default.LeaseAnswer, time, end).ConfigureAwait(false);
        }
        catch (EtcdLeaseGoneException)
        {
            // What was asked for.
        }
    }

    /// <summary>Does a transaction: at once, and after everything that ended before it began, whoever is the leader.</summary>
    /// <returns>What came of it; null when it puts a key with a lease that is gone.</returns>
    public async Task<EtcdOutcome?> TransactAsync(EtcdTransaction transaction, TimeSpan time, CancellationToken end)
    {
        try
        {
            TransactionAnswer answer = await _connection.AskAsync(
                "/v3/kv/txn", transaction.ToRequest(), EtcdJson.Default.TransactionRequest, EtcdJson.Default.TransactionAnswer, time, end).ConfigureAwait(false);
            return new EtcdOutcome(
                answer.Succeeded,
                answer.Header?.Revision ?? 0,
                [.. (answer.Responses ?? []).SelectMany(response => response.ResponseRange?.Kvs ?? []).Select(EtcdEntry.Of)]);
        }
        catch (EtcdLeaseGoneException)
        {
            return null;
        }
    }

    /// <summary>
    /// Tells what becomes of all keys that begin so, until the stream ends: by the caller's token, or with <see cref="EtcdException"/>
    /// when the member that tells has gone or lost the others. The first change is empty, and says that it has begun.
    /// </summary>
    /// <param name="prefix">Ends in <c>/</c>.</param>
    /// <param name="from">The first revision to be told.</param>
    /// <param name="end">Ends it.</param>
    public async IAsyncEnumerable<EtcdChange> WatchAsync(string prefix, long from, [EnumeratorCancellation] CancellationToken end)
    {
        WatchRequest question = new(new WatchCreateRequest(EtcdTransaction.Bytes(prefix), EtcdTransaction.End(prefix), from));
        Uri endpoint = Endpoint;
        using HttpResponseMessage response = await _connection.OpenAsync("/v3/watch", question, EtcdJson.Default.WatchRequest, end).ConfigureAwait(false);
        await using Stream content = await response.Content.ReadAsStreamAsync(end).ConfigureAwait(false);
        using StreamReader reader = new(content);
        while (await ReadLineAsync(reader, endpoint, end).ConfigureAwait(false) is { } line)
        {
            if (line.Length == 0)
            {
                continue;
            }

            WatchAnswer told = Parse(line, endpoint);
            if (told.CompactRevision > 0)
            {
                yield return new EtcdChange(told.CompactRevision, [], IsCompacted: true);
                yield break;
            }

            if (told.Canceled)
            {
                throw new EtcdException(EtcdFailure.NoQuorum, $"etcd at {endpoint.Authority} ends the watch: {told.CancelReason}");
            }

            EtcdEntry[] entries = [.. (told.Events ?? []).Select(item => item.Kv).OfType<EtcdKeyValue>().Select(EtcdEntry.Of)];
            yield return new EtcdChange(entries.Length > 0 ? entries[^1].Modified : told.Header?.Revision ?? 0, entries);
        }

        throw new EtcdException(EtcdFailure.Unreachable, $"etcd at {endpoint.Authority} has ended the watch");
    }

    private WatchAnswer Parse(string line, Uri endpoint)
    {
        try
        {
            return JsonSerializer.Deserialize(line, EtcdJson.Default.WatchStreamAnswer) switch
            {
                { Result: { } result } => result,
                { Error: { } error } => throw EtcdErrors.Of(endpoint, error.GrpcCode, error.Message ?? "", settings.Username),
                _ => throw new JsonException("an empty answer"),
            };
        }
        catch (JsonException error)
        {
            throw EtcdErrors.Unreachable(endpoint, error, null);
        }
    }

    private static async Task<string?> ReadLineAsync(StreamReader reader, Uri endpoint, CancellationToken end)
    {
        try
        {
            return await reader.ReadLineAsync(end).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            throw EtcdErrors.Unreachable(endpoint, error, null);
        }
    }
}
