using EgressAgent.Linux.Interop;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Connects to a bus, and says in one way what is wrong where there is none or where it does not answer.</summary>
internal static class BusDial
{
    // Nothing in the library ends by itself when the bus does not answer.
    internal static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A connection that is not open yet. Whatever a handler of it does wrong, the other callers keep their connection.</summary>
    internal static DBusConnection Create(string address) => new(new Options(address)
    {
        OnException = context => context.DisconnectConnection = false,
    });

    /// <exception cref="LinuxException">There is no bus at the address, or it does not answer.</exception>
    internal static Task ConnectAsync(DBusConnection connection, string address, CancellationToken cancellation) =>
        Named(OpenAsync(connection, address, cancellation), "connect to D-Bus", address);

    /// <summary>What the task gives.</summary>
    /// <exception cref="LinuxException">The task failed; said with the operation and its subject.</exception>
    internal static async Task<T> Named<T>(Task<T> task, string operation, string subject)
    {
        try
        {
            return await task.ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new LinuxException(operation, subject, Errno.Success, $"no answer in {CallTimeout.TotalSeconds} s");
        }
        catch (Exception failure) when (failure is DBusExceptionBase or ObjectDisposedException)
        {
            throw new LinuxException(operation, subject, Errno.Success, failure.Message);
        }
    }

    private static async Task<bool> OpenAsync(DBusConnection connection, string address, CancellationToken cancellation)
    {
        try
        {
            await connection.ConnectAsync().AsTask().WaitAsync(CallTimeout, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (DBusConnectFailedException failure) when (failure.InnerException is ArgumentException)
        {
            throw new LinuxException("connect to D-Bus", address, Errno.EINVAL);
        }
        catch (DBusConnectFailedException failure) when (BusAddress.SocketOf(address) is { } socket && !File.Exists(socket))
        {
            // .NET says "Cannot assign requested address" of a socket that is not there.
            throw new LinuxException("connect to D-Bus", address, Errno.ENOENT, failure.InnerException is null ? failure.Message : null);
        }
    }

    private sealed class Options : DBusConnectionOptions
    {
        private readonly string _address;

        internal Options(string address)
            : base(address) => _address = address;

        // The library looks for the machine's id in /var/lib/dbus alone. Nobody passes descriptors here.
        protected override ValueTask<SetupResult> SetupAsync(CancellationToken cancellationToken) => new(new SetupResult(_address)
        {
            SupportsFdPassing = false,
            UserId = LibC.geteuid().ToString(),
            MachineId = MachineId.Read(),
        });
    }
}
