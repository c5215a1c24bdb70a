using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>The words for what etcd, or the way to it, says.</summary>
internal static class EtcdErrors
{
    // https://grpc.github.io/grpc/core/md_doc_statuscodes.html
    private const int InvalidArgument = 3;
    private const int NotFound = 5;
    private const int PermissionDenied = 7;
    private const int ResourceExhausted = 8;
    private const int FailedPrecondition = 9;
    private const int Unavailable = 14;
    private const int Unauthenticated = 16;

    /// <summary>Whether the token is one that etcd does not know any more.</summary>
    internal static bool IsTokenOver(int code) => code == Unauthenticated;

    internal static bool IsLeaseGone(int code) => code == NotFound;

    /// <summary>Whether etcd has no users, so that a name and a password are for nothing.</summary>
    internal static bool HasNoUsers(int code, string text) => code == FailedPrecondition && text.Contains("authentication is not enabled", StringComparison.Ordinal);

    internal static EtcdException Of(Uri endpoint, int code, string text, string? user)
    {
        string said = text.StartsWith("etcdserver: ", StringComparison.Ordinal) ? text["etcdserver: ".Length..] : text;
        return code switch
        {
            ResourceExhausted when said.Contains("space exceeded", StringComparison.Ordinal) => new EtcdException(
                EtcdFailure.NoSpace,
                $"the database of etcd at {endpoint.Authority} is full (alarm NOSPACE), so that nothing new is agreed; compact and defragment it, then: etcdctl alarm disarm"),
            PermissionDenied => new EtcdException(
                EtcdFailure.User, $"etcd at {endpoint.Authority} does not let the user {user} read and write the cluster's keys; grant its role /egress-agentd/ as a prefix"),
            InvalidArgument or Unauthenticated when said.Contains("user name is empty", StringComparison.Ordinal) => new EtcdException(
                EtcdFailure.User, $"etcd at {endpoint.Authority} has users; give cluster.etcd.username and passwordFile"),
            InvalidArgument or Unauthenticated when said.Contains("auth", StringComparison.Ordinal) => new EtcdException(
                EtcdFailure.User, $"etcd at {endpoint.Authority} does not take the user {user} with this password: {said}"),
            Unavailable => new EtcdException(EtcdFailure.NoQuorum, $"the members of etcd have no leader, says {endpoint.Authority}: {said}; see etcdctl endpoint status --cluster"),
            _ => new EtcdException(EtcdFailure.Refused, $"etcd at {endpoint.Authority}: {said}"),
        };
    }

    internal static EtcdException OfStatus(Uri endpoint, HttpStatusCode status) => status == HttpStatusCode.NotFound
        ? new EtcdException(EtcdFailure.Version, $"what answers at {endpoint.Authority} is no etcd of version 3.4 or later: it has no /v3/")
        : new EtcdException(EtcdFailure.Refused, $"etcd at {endpoint.Authority} answers with HTTP {(int)status}");

    internal static EtcdException Unreachable(Uri endpoint, Exception error, string? certificateFault)
    {
        if (certificateFault is not null)
        {
            return new EtcdException(EtcdFailure.Certificate, $"etcd at {endpoint.Authority} is not believed: {certificateFault}", error);
        }

        return error switch
        {
            OperationCanceledException => new EtcdException(EtcdFailure.Unreachable, $"etcd at {endpoint.Authority} does not answer", error),
            JsonException => new EtcdException(EtcdFailure.Version, $"what answers at {endpoint.Authority} is no etcd of version 3.4 or later: {error.Message}", error),
            HttpRequestException { InnerException: SocketException refusal } => new EtcdException(
                EtcdFailure.Unreachable, $"etcd at {endpoint.Authority} cannot be reached: {refusal.Message}", error),
            HttpRequestException refusal when refusal.HttpRequestError == HttpRequestError.SecureConnectionError || IsOfTls(refusal) => new EtcdException(
                EtcdFailure.Certificate, $"etcd at {endpoint.Authority} ends the handshake of TLS: it wants another certificate of the agent (certFile, keyFile), or speaks no TLS", error),
            _ => new EtcdException(EtcdFailure.Unreachable, $"etcd at {endpoint.Authority} does not answer: {error.Message}", error),
        };
    }

    // With TLS 1.3 a certificate is refused when the handshake is over for who shows it.
    private static bool IsOfTls(Exception? error) =>
        error is not null && (error.Message.Contains("OpenSSL", StringComparison.Ordinal) || IsOfTls(error.InnerException));
}
