using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Calls the methods of one service on a message bus. It never starts the service.</summary>
public sealed class BusClient : IDisposable
{
    private readonly DBusConnection _connection;
    private readonly string _service;

    private BusClient(DBusConnection connection, string service)
    {
        _connection = connection;
        _service = service;
    }

    /// <param name="address">The bus (<see cref="BusAddress"/>).</param>
    /// <param name="service">The well-known name of the service, which need not be there.</param>
    /// <exception cref="LinuxException">There is no bus at the address, or it does not answer.</exception>
    public static async Task<BusClient> OpenAsync(string address, string service)
    {
        DBusConnection connection = BusDial.Create(address);
        try
        {
            await BusDial.ConnectAsync(connection, address, CancellationToken.None).ConfigureAwait(false);
            return new BusClient(connection, service);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Calls a method without arguments.</summary>
    /// <inheritdoc cref="CallAsync{T}(string, string, string, string, BusBody, Func{Message, T})"/>
    public Task<T> CallAsync<T>(string path, string @interface, string method, Func<Message, T> read) =>
        CallAsync(path, @interface, method, "", (ref MessageWriter _) => { }, read);

    /// <summary>Calls a method, and waits for the answer, for some seconds at most.</summary>
    /// <param name="path">The object.</param>
    /// <param name="interface">The interface.</param>
    /// <param name="method">The method.</param>
    /// <param name="signature">The types of the arguments.</param>
    /// <param name="write">Writes the arguments.</param>
    /// <param name="read">Reads the answer.</param>
    /// <exception cref="BusException">
    /// The answer is an error; <see cref="BusErrorNames.ServiceUnknown"/> or <see cref="BusErrorNames.NameHasNoOwner"/>: the service is not
    /// there.
    /// </exception>
    /// <exception cref="LinuxException">No answer came.</exception>
    public async Task<T> CallAsync<T>(string path, string @interface, string method, string signature, BusBody write, Func<Message, T> read)
    {
        T result = await BusDial.Named(AnswerAsync(), "call D-Bus method", $"{@interface}.{method}").ConfigureAwait(false);

        // Off the library's loop, which is where its answers come.
        await Task.Yield();
        return result;

        async Task<T> AnswerAsync()
        {
            try
            {
                return await _connection.CallMethodAsync(Write(), (message, _) => read(message)).WaitAsync(BusDial.CallTimeout).ConfigureAwait(false);
            }
            catch (DBusErrorReplyException error)
            {
                throw new BusException(error.ErrorName, error.ErrorMessage);
            }
        }

        MessageBuffer Write()
        {
            MessageWriter call = _connection.GetMessageWriter();
            try
            {
                call.WriteMethodCallHeader(_service, path, @interface, method, signature.Length == 0 ? null : signature, MessageFlags.NoAutoStart);
                write(ref call);
                return call.CreateMessage();
            }
            finally
            {
                call.Dispose();
            }
        }
    }

    public void Dispose() => _connection.Dispose();
}
