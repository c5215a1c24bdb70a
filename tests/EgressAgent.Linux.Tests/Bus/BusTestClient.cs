using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>A caller's own connection, one call at a time, with a deadline.</summary>
internal sealed class BusTestClient : IDisposable
{
    private readonly DBusConnection _connection;

    private BusTestClient(DBusConnection connection) => _connection = connection;

    public string UniqueName => _connection.UniqueName!;

    public static BusTestClient Open(string address)
    {
        var connection = new DBusConnection(address);
        connection.ConnectAsync().AsTask().WaitAsync(Eventually.DefaultDeadline).GetAwaiter().GetResult();
        return new BusTestClient(connection);
    }

    /// <summary>Calls a method of the sample object.</summary>
    /// <exception cref="DBusErrorReplyException">The reply is an error.</exception>
    public T Call<T>(string method, string? signature, BusBody write, Func<Message, T> read) =>
        CallAsync(method, signature, write, read).GetAwaiter().GetResult();

    public async Task<T> CallAsync<T>(
        string method, string? signature, BusBody write, Func<Message, T> read, string path = SampleService.ObjectPath, string? @interface = SampleObject.InterfaceName)
    {
        T result = await _connection.CallMethodAsync(Write(), (message, _) => read(message)).WaitAsync(Eventually.DefaultDeadline);

        // The library goes on where it reads answers, and no test may wait there for the next one.
        await Task.Yield();
        return result;

        MessageBuffer Write()
        {
            MessageWriter call = _connection.GetMessageWriter();
            call.WriteMethodCallHeader(SampleService.Name, path, @interface, method, signature);
            write(ref call);
            return call.CreateMessage();
        }
    }

    /// <summary>The error's name.</summary>
    public string Refuse(string method, string? signature, BusBody write, string path = SampleService.ObjectPath, string? @interface = SampleObject.InterfaceName) =>
        Assert.Throws<DBusErrorReplyException>(() => CallAsync(method, signature, write, _ => true, path, @interface).GetAwaiter().GetResult()).ErrorName;

    public string Echo(string text) => Call("Echo", "s", (ref MessageWriter body) => body.WriteText(text), reply => reply.GetBodyReader().ReadString());

    /// <summary>A property of an object, as text.</summary>
    public string GetText(string path, string property) => CallAsync(
        "Get",
        "ss",
        (ref MessageWriter body) =>
        {
            body.WriteString(SampleObject.InterfaceName);
            body.WriteString(property);
        },
        reply => reply.GetBodyReader().ReadVariantValue().GetString(),
        path,
        "org.freedesktop.DBus.Properties").GetAwaiter().GetResult();

    /// <summary>Hears the first argument of a signal of the sample object, from now on.</summary>
    public IDisposable Subscribe(string signal, Action<string> heard) => _connection.AddMatchAsync(
        new MatchRule { Type = MessageType.Signal, Path = SampleService.ObjectPath, Interface = SampleObject.InterfaceName, Member = signal },
        (message, _) => message.GetBodyReader().ReadString(),
        (Notification<string> notification) => heard(notification.Value),
        emitOnCapturedContext: false).AsTask().WaitAsync(Eventually.DefaultDeadline).GetAwaiter().GetResult();

    public void Dispose() => _connection.Dispose();
}
