using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// One connection from its opening to its loss, and the name on it. Once lost it is of no use: the library's connections cannot
/// be opened again.
/// </summary>
internal sealed class BusLink : IPathMethodHandler, IDisposable
{
    private const string BusName = "org.freedesktop.DBus";
    private const string BusPath = "/org/freedesktop/DBus";

    private readonly DBusConnection _connection;
    private readonly BusQueue _queue;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _callsBySender = [];
    private int _calls;

    private BusLink(BusOptions options, BusQueue queue)
    {
        _queue = queue;
        _connection = BusDial.Create(options.Address);
    }

    /// <summary>Why the connection was lost; null while it is up.</summary>
    internal string? LossReason { get; private set; }

    /// <summary>Whether the service's loop has given it up. The library throws when it is used then.</summary>
    internal bool IsClosed { get; private set; }

    internal string UniqueName => _connection.UniqueName ?? "";

    // One handler for everything: paths that do not exist are answered by the dispatcher, in its words.
    string IPathMethodHandler.Path => "/";

    bool IPathMethodHandler.HandlesChildPaths => true;

    /// <summary>Connects, takes calls, and requests the name.</summary>
    /// <exception cref="LinuxException">There is no bus at the address, it does not answer, or the name is taken.</exception>
    internal static async Task<BusLink> OpenAsync(BusOptions options, BusQueue queue, CancellationToken cancellation)
    {
        var link = new BusLink(options, queue);
        try
        {
            await BusDial.ConnectAsync(link._connection, options.Address, cancellation).ConfigureAwait(false);
            link._connection.AddMethodHandlers([link]);

            // Not the default, by which a second instance takes the name away from the first.
            Task<bool> request = link._connection.TryRequestNameAsync(options.Name, RequestNameOptions.None).WaitAsync(BusDial.CallTimeout, cancellation);
            if (!await BusDial.Named(request, "request D-Bus name", options.Name).ConfigureAwait(false))
            {
                throw new LinuxException("request D-Bus name", options.Name, Errno.Success, "another process owns it");
            }

            _ = link.WatchAsync();
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Runs on the library's loop that reads messages, which goes on when this returns.</summary>
    ValueTask IPathMethodHandler.HandleMethodAsync(MethodContext context)
    {
        context.DisposesAsynchronously = true;
        string sender = context.Request.SenderAsString ?? "";
        if (TryBeginCall(sender))
        {
            _queue.PutCall(new BusMethodCall(context, this));
        }
        else
        {
            context.ReplyError(BusErrorNames.LimitsExceeded, "Too many calls are being worked on; try again.");
            context.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    internal void EndCall(string sender)
    {
        lock (_lock)
        {
            _calls--;
            if (--_callsBySender[sender] == 0)
            {
                _callsBySender.Remove(sender);
            }
        }
    }

    /// <summary>Null where the bus does not say.</summary>
    internal async Task<BusCaller?> GetCallerAsync(string sender)
    {
        try
        {
            BusCaller? caller = await CallBusAsync(
                "GetConnectionCredentials",
                "s",
                (ref MessageWriter body) => body.WriteString(sender),
                (message, _) =>
                {
                    Reader body = message.GetBodyReader();
                    return BusCaller.Read(ref body);
                }).WaitAsync(BusDial.CallTimeout).ConfigureAwait(false);

            // Off the library's loop, which is where its answers come.
            await Task.Yield();
            return caller;
        }
        catch (Exception failure) when (failure is DBusExceptionBase or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>
    /// Completes when the bus has read everything that was sent; the library itself takes any number of messages, and tells of
    /// none whether it went out. Also when the connection is lost, or cancelled.
    /// </summary>
    internal async Task FlushAsync(CancellationToken cancellation)
    {
        try
        {
            await CallBusAsync("GetId", null, (ref MessageWriter _) => { }, (_, _) => true).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is DBusExceptionBase or OperationCanceledException or ObjectDisposedException)
        {
            // A loss is told by the watch.
        }

        await Task.Yield();
    }

    /// <exception cref="BusException">The connection is lost.</exception>
    internal void SendSignal(string path, string @interface, string name, string signature, BusBody write)
    {
        MessageWriter message = _connection.GetMessageWriter();
        try
        {
            message.WriteSignalHeader(null, path, @interface, name, signature);
            write(ref message);
            _connection.TrySendMessage(message.CreateMessage());
        }
        finally
        {
            message.Dispose();
        }
    }

    /// <summary>Drops what has not been sent.</summary>
    public void Dispose()
    {
        IsClosed = true;
        _connection.Dispose();
    }

    private async Task WatchAsync()
    {
        Exception? reason = await _connection.DisconnectedAsync().ConfigureAwait(false);
        LossReason = reason?.Message ?? "the connection was closed";
        _queue.Wake();
    }

    private bool TryBeginCall(string sender)
    {
        lock (_lock)
        {
            int count = _callsBySender.GetValueOrDefault(sender);
            if (count >= BusConnection.MaxCallsPerSender || _calls >= BusConnection.MaxCalls)
            {
                return false;
            }

            _callsBySender[sender] = count + 1;
            _calls++;
            return true;
        }
    }

    private Task<T> CallBusAsync<T>(string method, string? signature, BusBody write, MessageValueReader<T> read)
    {
        MessageWriter call = _connection.GetMessageWriter();
        try
        {
            call.WriteMethodCallHeader(BusName, BusPath, BusName, method, signature);
            write(ref call);
            return _connection.CallMethodAsync(call.CreateMessage(), read);
        }
        finally
        {
            call.Dispose();
        }
    }
}
