using Tmds.DBus.Protocol;

namespace EgressAgent.Testing.Bus;

/// <summary>Callers that have as many calls under way as they may, all the time: some read everything, some send much.</summary>
public sealed class BusStorm : IDisposable
{
    private const string Service = "org.egressagent.Agent1";
    private const string Manager = "/org/egressagent/Agent1";
    private const string ManagerInterface = Service + ".Manager";
    private const int CallsOfACaller = 100;
    private const int LargeText = 4 * 1024 * 1024;

    private readonly List<DBusConnection> _connections = [];
    private readonly List<Task> _callers = [];
    private readonly string _large = new('x', LargeText);
    private long _answers;
    private long _refusals;
    private volatile bool _isStopping;

    private BusStorm()
    {
    }

    /// <summary>How many calls were answered as they should be.</summary>
    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>How many were answered with an error.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    /// <summary>Starts it.</summary>
    /// <param name="address">The bus.</param>
    /// <param name="directory">A directory to have checked.</param>
    /// <param name="callers">How many connections.</param>
    public static BusStorm Start(string address, string directory, int callers)
    {
        var storm = new BusStorm();
        for (int i = 0; i < callers; i++)
        {
            var connection = new DBusConnection(address);
            connection.ConnectAsync().AsTask().GetAwaiter().GetResult();
            storm._connections.Add(connection);
            for (int j = 0; j < CallsOfACaller; j++)
            {
                int kind = j;
                storm._callers.Add(Task.Run(() => storm.CallAsync(connection, directory, kind)));
            }
        }

        return storm;
    }

    /// <summary>Ends it, and waits for the answers.</summary>
    public void Stop()
    {
        _isStopping = true;
        Task.WaitAll([.. _callers], Eventually.DefaultDeadline);
    }

    public void Dispose()
    {
        _isStopping = true;
        _connections.ForEach(connection => connection.Dispose());
        Task.WhenAll(_callers).ContinueWith(_ => { }, TaskScheduler.Default).Wait();
    }

    private async Task CallAsync(DBusConnection connection, string directory, int kind)
    {
        while (!_isStopping)
        {
            try
            {
                await connection.CallMethodAsync(Write(connection, directory, kind)).ConfigureAwait(false);
                Interlocked.Increment(ref _answers);
            }
            catch (DBusErrorReplyException)
            {
                Interlocked.Increment(ref _refusals);
            }
            catch (Exception failure) when (_isStopping && failure is DBusConnectionClosedException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private MessageBuffer Write(DBusConnection connection, string directory, int kind)
    {
        MessageWriter call = connection.GetMessageWriter();
        switch (kind % 10)
        {
            case 0 when kind == 0:
                call.WriteMethodCallHeader(Service, Manager, ManagerInterface, "Check", "s");
                call.WriteString(_large);
                break;
            case 1:
                call.WriteMethodCallHeader(Service, Manager, ManagerInterface, "Check", "s");
                call.WriteString(directory);
                break;
            case 2 or 3 or 4:
                call.WriteMethodCallHeader(Service, Manager, "org.freedesktop.DBus.Properties", "GetAll", "s");
                call.WriteString(ManagerInterface);
                break;
            case 5:
                call.WriteMethodCallHeader(Service, Manager, ManagerInterface, "ListRouters");
                break;
            default:
                call.WriteMethodCallHeader(Service, Manager, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
                break;
        }

        return call.CreateMessage();
    }
}
