using System.Globalization;
using System.Text.Json;
using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>What an agreement has done in etcd. Each call has a deadline, and throws <see cref="EtcdException"/> when etcd does not serve.</summary>
internal sealed class ClusterStore(EtcdClient etcd, ClusterKeys keys, AgreementMember self)
{
    // etcd gives twice as much: 3/2 of its election timeout, rounded up.
    private const long ShortestTtl = 1;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    // Later it would renew nothing.
    private static readonly TimeSpan RenewDeadline = Agreement.Fence;

    /// <summary>All keys of the cluster, and the revision as of which they are.</summary>
    internal async Task<EtcdOutcome> ReadAsync(CancellationToken end) =>
        (await etcd.TransactAsync(new EtcdTransaction().ReadAll(keys.Prefix), Deadline, end).ConfigureAwait(false))!;

    internal IAsyncEnumerable<EtcdChange> WatchAsync(long from, CancellationToken end) => etcd.WatchAsync(keys.Prefix, from, end);

    /// <summary>Becomes a member that is there.</summary>
    /// <returns>The lease; or why it cannot be: another node has the name.</returns>
    internal async Task<(long? Lease, string? WhyNot)> JoinAsync(CancellationToken end)
    {
        (long lease, _) = await etcd.GrantAsync(ShortestTtl, Deadline, end).ConfigureAwait(false);
        string record = JsonSerializer.Serialize(self.Record, ClusterJson.Default.NodeRecord);
        (string node, string alive) = (keys.Node(self.Node), keys.Alive(self.Node));
        if (self.Record.Heartbeat is not null)
        {
            await etcd.TransactAsync(new EtcdTransaction().IfAbsent(keys.HeartbeatKey).Put(keys.HeartbeatKey, NewKey()), Deadline, end).ConfigureAwait(false);
        }

        EtcdOutcome? outcome = await etcd.TransactAsync(
            new EtcdTransaction().IfAbsent(alive).Put(node, record).Put(alive, record, lease).OrRead(alive), Deadline, end).ConfigureAwait(false);
        if (outcome is { Succeeded: false, Entries: [var other, ..] })
        {
            if (ClusterJson.Node(other.Value)?.Id != self.Record.Id)
            {
                await etcd.RevokeAsync(lease, Deadline, end).ConfigureAwait(false);
                return (null, $"another node of the cluster is called {self.Node} as well; give one of them another cluster.node");
            }

            // An earlier agent's. Its claims, which go with its lease, are taken over.
            outcome = await etcd.TransactAsync(
                new EtcdTransaction().IfModified(alive, other.Modified).Put(node, record).Put(alive, record, lease), Deadline, end).ConfigureAwait(false);
        }

        return (outcome is { Succeeded: true } ? lease : null, null);
    }

    /// <summary>Keeps a lease alive, and asks whether it is.</summary>
    /// <returns>
    /// False when it is gone. That it is there was so at some time after this was called, whoever is etcd's leader: a keep-alive alone a
    /// leader answers that was deposed and does not know it.
    /// </returns>
    /// <remarks>findings/etcd-leader-without-followers-keeps-leases-alive.sh.</remarks>
    internal async Task<bool> RenewAsync(long lease, CancellationToken end)
    {
        Task<TimeSpan> keepAlive = etcd.KeepAliveAsync(lease, RenewDeadline, end);
        Task<EtcdOutcome?> read = etcd.TransactAsync(new EtcdTransaction().Read(keys.Alive(self.Node)), RenewDeadline, end);
        await Task.WhenAll(keepAlive, read).ConfigureAwait(false);
        return await keepAlive.ConfigureAwait(false) > TimeSpan.Zero && (await read.ConfigureAwait(false))!.Entries is [{ } alive] && alive.Lease == lease;
    }

    internal Task RevokeAsync(long lease, CancellationToken end) => etcd.RevokeAsync(lease, Deadline, end);

    /// <summary>Claims a router.</summary>
    /// <returns>The fencing token; null when another node has it, or this one is not there any more.</returns>
    internal async Task<long?> ClaimAsync(ClaimRouter action, CancellationToken end)
    {
        string key = keys.Claim(action.Router);
        string claim = JsonSerializer.Serialize(self.Claim, ClusterJson.Default.ClaimRecord);
        EtcdTransaction transaction = action.Own is { } own
            ? new EtcdTransaction().IfModified(key, own)
            : new EtcdTransaction().IfAbsent(key).IfModified(keys.Turn(action.Router), action.Turn);
        EtcdOutcome? outcome = await etcd.TransactAsync(transaction.Put(key, claim, action.Lease).Put(keys.Turn(action.Router), Turn(isOver: false)).Read(key).OrRead(key), Deadline, end).ConfigureAwait(false);
        return outcome switch
        {
            { Succeeded: true, Entries: [{ } made] } => made.Created,

            // Of one that was asked twice, the first answer was lost.
            { Succeeded: false, Entries: [{ } there] } when there.Lease == action.Lease => there.Created,
            _ => null,
        };
    }

    /// <summary>Gives a claim up, and says that its holder is silent. That it is gone already is no error.</summary>
    internal async Task GiveUpAsync(RouterKey router, long token, CancellationToken end)
    {
        await etcd.TransactAsync(
            new EtcdTransaction().IfCreated(keys.Claim(router), token).Delete(keys.Claim(router)).Put(keys.Turn(router), Turn(isOver: true)), Deadline, end).ConfigureAwait(false);
    }

    /// <summary>Says that this node knows all members up to a revision.</summary>
    internal Task NoteMembersAsync(long revision, CancellationToken end) =>
        etcd.TransactAsync(new EtcdTransaction().Put(keys.Seen(self.Node), revision.ToString(CultureInfo.InvariantCulture)), Deadline, end);

    /// <summary>Says of which routers the gateways answer this node, as long as the lease is there.</summary>
    internal Task NoteAnswersAsync(NoteAnswers answers, CancellationToken end) =>
        etcd.TransactAsync(new EtcdTransaction().Put(keys.Answers(self.Node), answers.Routers, answers.Lease), Deadline, end);

    /// <summary>Asks whether etcd would write: a transaction whose condition no key fulfils changes nothing, and is refused as one that does.</summary>
    internal Task TryWriteAsync(CancellationToken end) =>
        etcd.TransactAsync(new EtcdTransaction().IfModified(keys.Alive(self.Node), revision: -1).Put(keys.Alive(self.Node), ""), Deadline, end);

    /// <summary>Asks a node whether it is there.</summary>
    internal Task AskAsync(AskNode question, CancellationToken end) =>
        etcd.TransactAsync(new EtcdTransaction().Put(keys.Ask(question.Node), self.Node, question.Lease), Deadline, end);

    /// <summary>Asks the holder of a router to leave it to this node.</summary>
    internal Task AskYieldAsync(AskYield question, CancellationToken end) =>
        etcd.TransactAsync(new EtcdTransaction().Put(keys.Yield(question.Router), self.Node, question.Lease), Deadline, end);

    /// <summary>Says to all who ask that this node is there.</summary>
    internal Task AnswerAsync(CancellationToken end) => etcd.TransactAsync(new EtcdTransaction().Delete(keys.Ask(self.Node)), Deadline, end);

    // The runtime's own source loads OpenSSL.
    private static string NewKey()
    {
        byte[] key = new byte[HeartbeatMessage.KeySize];
        using FileStream random = File.OpenRead("/dev/urandom");
        random.ReadExactly(key);
        return Convert.ToHexStringLower(key);
    }

    private string Turn(bool isOver) => JsonSerializer.Serialize(new TurnRecord(self.Node, isOver), ClusterJson.Default.TurnRecord);
}
