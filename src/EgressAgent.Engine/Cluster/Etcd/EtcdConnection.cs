using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>
/// Requests to one endpoint of etcd after the other: who does not answer is not asked again before the others. Certificates and the
/// password are those that their files have now. Any thread.
/// </summary>
internal sealed class EtcdConnection : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private readonly EtcdSettings _settings;
    private readonly Uri[] _endpoints;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private Channel? _channel;
    private string? _token;
    private int _turn;

    internal EtcdConnection(EtcdSettings settings, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        _endpoints = [.. settings.Endpoints.Select(endpoint => new Uri(endpoint))];
    }

    /// <summary>The endpoint that is asked next.</summary>
    internal Uri Endpoint => _endpoints[(int)((uint)Volatile.Read(ref _turn) % (uint)_endpoints.Length)];

    /// <summary>The number of endpoints.</summary>
    internal int EndpointCount => _endpoints.Length;

    public void Dispose()
    {
        lock (_lock)
        {
            _channel?.Dispose();
            _channel = null;
        }
    }

    /// <summary>Asks an endpoint, and the others when it cannot be reached or says nothing.</summary>
    /// <exception cref="EtcdException">None serves. That one says that there is no leader tells more than that others do not answer.</exception>
    /// <exception cref="OperationCanceledException">The caller's token.</exception>
    internal async Task<TAnswer> AskAsync<TQuestion, TAnswer>(
        string path, TQuestion question, JsonTypeInfo<TQuestion> questionType, JsonTypeInfo<TAnswer> answerType, TimeSpan time, CancellationToken end)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(end);
        deadline.CancelAfter(time);
        EtcdException? noLeader = null;
        for (int attempt = 1; ; attempt++)
        {
            // One that says nothing takes a share of the time.
            Uri endpoint = Endpoint;
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token);
            patience.CancelAfter(_endpoints.Length > 1 ? time / 3 : time);
            try
            {
                using HttpResponseMessage response = await SendAsync(endpoint, path, question, questionType, patience.Token).ConfigureAwait(false);
                await using Stream content = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
                return await JsonSerializer.DeserializeAsync(content, answerType, patience.Token).ConfigureAwait(false)
                    ?? throw new JsonException("an empty answer");
            }
            catch (EtcdException failure) when (failure.Failure is EtcdFailure.NoQuorum or EtcdFailure.Certificate or EtcdFailure.Unreachable)
            {
                Leave(endpoint);
                noLeader ??= failure.Failure == EtcdFailure.NoQuorum ? failure : null;
                if (attempt >= _endpoints.Length || deadline.IsCancellationRequested)
                {
                    throw noLeader ?? failure;
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException or JsonException or IOException and not (EtcdException or EtcdLeaseGoneException))
            {
                end.ThrowIfCancellationRequested();
                Leave(endpoint);
                if (attempt >= _endpoints.Length || deadline.IsCancellationRequested)
                {
                    throw noLeader ?? EtcdErrors.Unreachable(endpoint, error, error is HttpRequestException ? Fault : null);
                }
            }
        }
    }

    /// <summary>Opens a stream of lines from the endpoint that is asked now.</summary>
    /// <exception cref="EtcdException">It does not serve.</exception>
    internal async Task<HttpResponseMessage> OpenAsync<TQuestion>(string path, TQuestion question, JsonTypeInfo<TQuestion> questionType, CancellationToken end)
    {
        Uri endpoint = Endpoint;
        try
        {
            return await SendAsync(endpoint, path, question, questionType, end).ConfigureAwait(false);
        }
        catch (Exception error) when (error is HttpRequestException or JsonException)
        {
            throw EtcdErrors.Unreachable(endpoint, error, Fault);
        }
    }

    private string? Fault
    {
        get
        {
            lock (_lock)
            {
                return _channel?.Tls?.Fault;
            }
        }
    }

    // Several requests may have been under way.
    private void Leave(Uri endpoint)
    {
        int turn = Volatile.Read(ref _turn);
        if (ReferenceEquals(Endpoint, endpoint))
        {
            Interlocked.CompareExchange(ref _turn, turn + 1, turn);
        }
    }

    private async Task<HttpResponseMessage> SendAsync<TQuestion>(
        Uri endpoint, string path, TQuestion question, JsonTypeInfo<TQuestion> type, CancellationToken end)
    {
        byte[] content = JsonSerializer.SerializeToUtf8Bytes(question, type);
        for (bool isRenewed = false; ; isRenewed = true)
        {
            if (_settings.Username is not null && _token is null)
            {
                _token = await AuthenticateAsync(endpoint, end).ConfigureAwait(false);
            }

            HttpResponseMessage response = await PostAsync(endpoint, path, content, _token, end).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                (int code, string text) = await ReadErrorAsync(endpoint, response, end).ConfigureAwait(false);
                if (!isRenewed && _settings.Username is not null && EtcdErrors.IsTokenOver(code))
                {
                    _token = null;
                    continue;
                }

                throw EtcdErrors.IsLeaseGone(code) ? new EtcdLeaseGoneException() : EtcdErrors.Of(endpoint, code, text, _settings.Username);
            }
        }
    }

    private async Task<string> AuthenticateAsync(Uri endpoint, CancellationToken end)
    {
        AuthenticateRequest question = new(_settings.Username!, ReadPassword());
        using HttpResponseMessage response = await PostAsync(
            endpoint, "/v3/auth/authenticate", JsonSerializer.SerializeToUtf8Bytes(question, EtcdJson.Default.AuthenticateRequest), null, end).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            (int code, string text) = await ReadErrorAsync(endpoint, response, end).ConfigureAwait(false);
            return EtcdErrors.HasNoUsers(code, text) ? "" : throw EtcdErrors.Of(endpoint, code, text, _settings.Username);
        }

        await using Stream content = await response.Content.ReadAsStreamAsync(end).ConfigureAwait(false);
        return (await JsonSerializer.DeserializeAsync(content, EtcdJson.Default.AuthenticateAnswer, end).ConfigureAwait(false))?.Token ?? "";
    }

    private string ReadPassword()
    {
        try
        {
            return File.ReadLines(_settings.PasswordFile!).FirstOrDefault() ?? "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EtcdException(EtcdFailure.User, $"{_settings.PasswordFile} (cluster.etcd.passwordFile) cannot be read: {error.Message}", error);
        }
    }

    private Task<HttpResponseMessage> PostAsync(Uri endpoint, string path, byte[] content, string? token, CancellationToken end)
    {
        HttpRequestMessage request = new(HttpMethod.Post, new Uri(endpoint, path)) { Content = new ByteArrayContent(content) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");

        // A member that has lost the others ends its watches, instead of keeping them silent for ever.
        request.Headers.TryAddWithoutValidation("Grpc-Metadata-hasleader", "true");
        if (!string.IsNullOrEmpty(token))
        {
            request.Headers.TryAddWithoutValidation("Authorization", token);
        }

        return Client().SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end);
    }

    private static async Task<(int Code, string Text)> ReadErrorAsync(Uri endpoint, HttpResponseMessage response, CancellationToken end)
    {
        byte[] content = await response.Content.ReadAsByteArrayAsync(end).ConfigureAwait(false);
        return TryRead(content, EtcdJson.Default.ErrorAnswer) is { Error: { } text, Code: var code } ? (code, text)
            // Of a call whose answer is a stream.
            : TryRead(content, EtcdJson.Default.KeepAliveAnswer) is { Error: { } error } ? (error.GrpcCode, error.Message ?? "")
            : throw EtcdErrors.OfStatus(endpoint, response.StatusCode);
    }

    // Null for what no etcd says.
    private static T? TryRead<T>(byte[] content, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(content, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private HttpClient Client()
    {
        lock (_lock)
        {
            if (_channel is { } channel && _time.GetElapsedTime(channel.LookedAt) < LookInterval)
            {
                return channel.Client;
            }

            string stamp = Stamp();
            if (_channel is { } same && same.Stamp == stamp)
            {
                same.LookedAt = _time.GetTimestamp();
                return same.Client;
            }

            // Requests that are under way end by themselves.
            EtcdTls? tls = _endpoints.Any(endpoint => endpoint.Scheme == Uri.UriSchemeHttps) ? new EtcdTls(_settings) : null;
            _token = null;
            _channel = new Channel(tls, stamp) { LookedAt = _time.GetTimestamp() };
            return _channel.Client;
        }
    }

    // Of what the files were: a certificate that was renewed is another file, or has another time.
    private string Stamp() => string.Join('\n', new[] { _settings.CaFile, _settings.CertFile, _settings.KeyFile, _settings.PasswordFile }
        .OfType<string>().Select(path => new FileInfo(path)).Select(file => file.Exists ? $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}" : file.FullName));

    private sealed class Channel : IDisposable
    {
        internal Channel(EtcdTls? tls, string stamp)
        {
            (Tls, Stamp) = (tls, stamp);
            SocketsHttpHandler handler = new()
            {
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
                ConnectTimeout = TimeSpan.FromSeconds(1),
                PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            };
            if (tls is not null)
            {
                handler.SslOptions = tls.Options;
            }

            Client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        }

        internal HttpClient Client { get; }

        internal EtcdTls? Tls { get; }

        internal string Stamp { get; }

        internal long LookedAt { get; set; }

        public void Dispose()
        {
            Client.Dispose();
            Tls?.Dispose();
        }
    }
}

/// <summary>The lease that was named is not there any more.</summary>
internal sealed class EtcdLeaseGoneException() : IOException("the lease is gone");
