using System.Text.Json.Serialization;

namespace EgressAgent.Engine.Cluster.Etcd;

// Requests and answers of the JSON gateway, as far as they are used (etcd 3.4, rpc.proto): bytes are in base64, numbers of 64 bits are
// texts, and what is zero is left out.

internal sealed record EtcdHeader(long Revision);

internal sealed record EtcdKeyValue(byte[]? Key, byte[]? Value, long CreateRevision, long ModRevision, long Lease);

internal sealed record LeaseGrantRequest([property: JsonPropertyName("TTL")] long Ttl);

internal sealed record LeaseRequest([property: JsonPropertyName("ID")] long Id);

internal sealed record LeaseAnswer([property: JsonPropertyName("ID")] long Id, [property: JsonPropertyName("TTL")] long Ttl);

internal sealed record Compare(byte[] Key, string Target, long? CreateRevision, long? ModRevision, string Result = "EQUAL");

internal sealed record RangeRequest(byte[] Key, byte[]? RangeEnd);

internal sealed record PutRequest(byte[] Key, byte[] Value, long? Lease);

internal sealed record DeleteRangeRequest(byte[] Key);

internal sealed record RequestOperation(RangeRequest? RequestRange = null, PutRequest? RequestPut = null, DeleteRangeRequest? RequestDeleteRange = null);

internal sealed record TransactionRequest(Compare[] Compare, RequestOperation[] Success, RequestOperation[]? Failure);

internal sealed record RangeAnswer(EtcdKeyValue[]? Kvs);

internal sealed record OperationAnswer(RangeAnswer? ResponseRange);

internal sealed record TransactionAnswer(EtcdHeader? Header, bool Succeeded, OperationAnswer[]? Responses);

internal sealed record WatchCreateRequest(byte[] Key, byte[] RangeEnd, long StartRevision);

internal sealed record WatchRequest(WatchCreateRequest CreateRequest);

internal sealed record WatchEvent(string? Type, EtcdKeyValue? Kv);

internal sealed record WatchAnswer(EtcdHeader? Header, bool Created, bool Canceled, string? CancelReason, long CompactRevision, WatchEvent[]? Events);

internal sealed record StreamAnswer<T>(T? Result, StreamError? Error);

internal sealed record StreamError(int GrpcCode, string? Message);

internal sealed record ErrorAnswer(string? Error, int Code);

internal sealed record AuthenticateRequest(string Name, string Password);

internal sealed record AuthenticateAnswer(string? Token);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LeaseGrantRequest))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(LeaseAnswer))]
[JsonSerializable(typeof(StreamAnswer<LeaseAnswer>), TypeInfoPropertyName = "KeepAliveAnswer")]
[JsonSerializable(typeof(TransactionRequest))]
[JsonSerializable(typeof(TransactionAnswer))]
[JsonSerializable(typeof(WatchRequest))]
[JsonSerializable(typeof(StreamAnswer<WatchAnswer>), TypeInfoPropertyName = "WatchStreamAnswer")]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(AuthenticateRequest))]
[JsonSerializable(typeof(AuthenticateAnswer))]
internal sealed partial class EtcdJson : JsonSerializerContext;
