using EgressAgent.Testing.Bus;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>A private bus with a ready sample service on it, and two clients: ours and busctl.</summary>
public sealed class BusFixture : IDisposable
{
    public BusFixture()
    {
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Daemon = PrivateBus.Start();
        Busctl = new Busctl(Daemon.Address);
        try
        {
            Service = SampleService.StartReady(Daemon.Address);
        }
        catch
        {
            Daemon.Dispose();
            throw;
        }
    }

    internal PrivateBus Daemon { get; }

    internal SampleService Service { get; }

    internal Busctl Busctl { get; }

    public void Dispose()
    {
        Service.Dispose();
        Daemon.Dispose();
    }
}
