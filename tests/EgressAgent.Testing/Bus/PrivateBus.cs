using System.Diagnostics;

namespace EgressAgent.Testing.Bus;

/// <summary>
/// A real dbus-daemon of the test's own, at a socket in a directory of its own. It lets every user do everything,
/// and wait for any number of replies.
/// </summary>
public sealed class PrivateBus : IDisposable
{
    private readonly string _directory;
    private Process? _daemon;

    private PrivateBus(string directory) => _directory = directory;

    /// <summary>The address, which stays the same when the daemon is restarted.</summary>
    public string Address => $"unix:path={Path.Combine(_directory, "socket")}";

    /// <summary>Whether this machine has what it takes.</summary>
    public static bool IsAvailable => File.Exists("/usr/bin/dbus-daemon") && File.Exists("/usr/bin/busctl");

    /// <summary>Starts a daemon; it accepts connections when this returns.</summary>
    public static PrivateBus Start()
    {
        PrivateBus bus = CreateStopped();
        bus.StartDaemon();
        return bus;
    }

    /// <summary>Makes an address at which nobody listens yet.</summary>
    public static PrivateBus CreateStopped()
    {
        // Not CreateTempSubdirectory, which keeps other users from the socket.
        string directory = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"egress-bus-{Guid.NewGuid():N}")).FullName;
        var bus = new PrivateBus(directory);
        File.WriteAllText(bus.ConfigurationFile, $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
             "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>custom</type>
              <auth>EXTERNAL</auth>
              <listen>{bus.Address}</listen>
              <limit name="max_replies_per_connection">10000</limit>
              <policy context="default">
                <allow user="*"/>
                <allow own="*"/>
                <allow send_destination="*" eavesdrop="true"/>
                <allow receive_sender="*" eavesdrop="true"/>
              </policy>
            </busconfig>
            """);
        return bus;
    }

    private string ConfigurationFile => Path.Combine(_directory, "bus.conf");

    /// <summary>Starts the daemon, at the address at which it was before.</summary>
    public void StartDaemon()
    {
        File.Delete(Path.Combine(_directory, "socket"));
        _daemon = Process.Start(new ProcessStartInfo("/usr/bin/dbus-daemon")
        {
            ArgumentList = { $"--config-file={ConfigurationFile}", "--nofork", "--nopidfile", "--print-address=1" },
            RedirectStandardOutput = true,
        })!;

        // It prints the address when the socket listens.
        if (_daemon.StandardOutput.ReadLine() is null)
        {
            throw new InvalidOperationException("dbus-daemon did not start.");
        }
    }

    /// <summary>Ends the daemon without a warning, as a crash would.</summary>
    public void KillDaemon()
    {
        if (_daemon is not null)
        {
            _daemon.Kill();
            _daemon.WaitForExit();
            _daemon.Dispose();
            _daemon = null;
        }
    }

    /// <summary>Stops the daemon from running, so that it reads nothing, and keeps its connections.</summary>
    public void PauseDaemon() => Command.Check("kill", "-STOP", $"{_daemon!.Id}");

    /// <summary>Ends <see cref="PauseDaemon"/>.</summary>
    public void ResumeDaemon() => Command.Check("kill", "-CONT", $"{_daemon!.Id}");

    public void Dispose()
    {
        KillDaemon();
        Directory.Delete(_directory, recursive: true);
    }
}
