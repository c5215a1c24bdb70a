using System.Collections.Concurrent;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>A served sample: an object manager, one object, and a record of what the loop reported.</summary>
internal sealed class SampleService : IDisposable
{
    public const string Name = "org.egressagent.Sample1";
    public const string ManagerPath = "/org/egressagent/Sample1";
    public const string ObjectPath = ManagerPath + "/one";

    // Not below the manager, since one getter that throws fails every GetManagedObjects.
    public const string BrokenPath = "/org/egressagent/Broken1";

    public static readonly TimeSpan Deadline = Eventually.DefaultDeadline;

    private readonly BlockingCollection<BusStatus> _statuses = [];

    public SampleService(string address, string name = Name) => Bus = BusService.Start(
        new BusOptions
        {
            Address = address,
            Name = name,
            InitialBackoff = TimeSpan.FromMilliseconds(5),
            MaxBackoff = TimeSpan.FromMilliseconds(50),
            StatusChanged = _statuses.Add,
            Faulted = (member, failure) => Faults.Enqueue((member, failure)),
        },
        connection =>
        {
            connection.AddObjectManager(ManagerPath);
            connection.AddObject(ObjectPath, SampleObject.Interface.For(Object));
            connection.AddObject(BrokenPath, SampleObject.BrokenInterface.For(Object));
        });

    public BusService Bus { get; }

    public SampleObject Object { get; } = new("one");

    public ConcurrentQueue<(string Member, Exception Failure)> Faults { get; } = [];

    /// <summary>The next report of the loop.</summary>
    public BusStatus NextStatus() =>
        _statuses.TryTake(out BusStatus? status, Deadline) ? status : throw new TimeoutException("The loop reported nothing.");

    public static SampleService StartReady(string address)
    {
        var service = new SampleService(address);
        try
        {
            BusStatus status = service.NextStatus();
            Assert.True(status.IsReady, status.Message);
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    /// <summary>The oldest call of Later that nobody has taken.</summary>
    public TaskCompletionSource<BusBody> TakeLater() => Object.Pending.TryTake(out TaskCompletionSource<BusBody>? pending, Deadline)
        ? pending
        : throw new TimeoutException("There was no call.");

    /// <summary>Runs work on the loop and waits for its end.</summary>
    public void Do(Action<BusConnection> work)
    {
        using var done = new ManualResetEventSlim();
        Exception? failure = null;
        Bus.Post(new object(), connection =>
        {
            try
            {
                work(connection);
            }
            catch (Exception e)
            {
                failure = e;
            }

            done.Set();
        });
        Assert.True(done.Wait(Deadline));
        if (failure is not null)
        {
            throw new InvalidOperationException("The work failed.", failure);
        }
    }

    public void Dispose()
    {
        Bus.Dispose();
        _statuses.Dispose();
    }
}
