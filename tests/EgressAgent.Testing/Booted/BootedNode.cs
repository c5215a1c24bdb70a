using System.Diagnostics;
using System.Globalization;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Booted;

/// <summary>
/// A Debian with a systemd of its own, booted in a container on a host of a lab, which lends it its network. It begins as a fresh
/// installation, and what happens to its files is forgotten at the end, unless there is a place to keep it for another boot.
/// </summary>
public sealed class BootedNode : IDisposable
{
    // Apart from these, commands in there run in an environment that does not depend on who runs the tests.
    private static readonly string[] Environment =
    [
        "env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
    ];

    private static readonly TimeSpan BootDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PowerOffDeadline = TimeSpan.FromSeconds(60);

    private readonly Process _container;
    private readonly int _systemd;

    private BootedNode(Process container, int systemd)
    {
        _container = container;
        _systemd = systemd;
    }

    /// <summary>The system that is booted, as <c>make-root</c> installed it.</summary>
    public static string Root { get; } = Repository.PathOf("artifacts/booted/root");

    /// <summary>What <c>make-others</c> lays over it.</summary>
    public static string Others { get; } = Repository.PathOf("artifacts/booted/others");

    /// <summary>Boots it and waits until all of its services have started.</summary>
    /// <param name="host">Whose network it gets.</param>
    /// <param name="packages">A directory of the machine that it sees as <c>/mnt</c>.</param>
    /// <param name="files">If given, the system has <see cref="Others"/> too, and what is written in it is kept in this directory.</param>
    /// <exception cref="TimeoutException">It did not come up.</exception>
    public static BootedNode Boot(LabHost host, string packages, string? files = null)
    {
        Process container = host.Start(
            [Repository.PathOf("tests/EgressAgent.Testing/Booted/boot"), .. files is null ? [Root, packages] : (string[])[$"{Others}:{Root}", packages, files]]);
        try
        {
            string? systemd = container.StandardOutput.ReadLine();
            BootedNode node = new(
                container,
                int.TryParse(systemd, NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                    ? pid
                    : throw new InvalidOperationException($"The container did not boot: {container.StandardError.ReadToEnd()}"));
            Eventually.True(
                "the system to boot",
                () => node.Run("systemctl", "is-system-running").Output.Trim() == "running",
                BootDeadline,
                () => node.Run("systemctl", "list-jobs").Output + node.Run("systemctl", "--failed").Output);
            return node;
        }
        catch
        {
            End(container);
            throw;
        }
    }

    /// <summary>Runs a program in it to its end.</summary>
    public CommandResult Run(params IReadOnlyList<string> words) => Command.Run([.. EnterWords, .. words]);

    /// <summary>As <see cref="Run"/>, and hands back its output.</summary>
    /// <exception cref="InvalidOperationException">It exited with anything but 0.</exception>
    public string Check(params IReadOnlyList<string> words) => Command.Check([.. EnterWords, .. words]);

    /// <summary>As <see cref="Run"/>, as a user without any rights.</summary>
    public CommandResult RunUnprivileged(params IReadOnlyList<string> words) =>
        Run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", .. words]);

    /// <summary>Starts a program in it with its standard streams piped. Whoever starts it ends it.</summary>
    public Process Start(params IReadOnlyList<string> words) => Process.Start(Command.StartInfo([.. EnterWords, .. words]))!;

    /// <summary>Where the machine sees a file of it.</summary>
    public string PathOf(string absolutePath) => $"/proc/{_systemd}/root{absolutePath}";

    /// <summary>Shuts it down, as an administrator does.</summary>
    /// <exception cref="TimeoutException">It did not end.</exception>
    public void PowerOff()
    {
        // It may take who asks along.
        string jobs = Run("systemctl", "--no-block", "poweroff").ToString();
        Eventually.True("the system to power off", () => _container.HasExited, PowerOffDeadline, () => jobs + Run("systemctl", "list-jobs").Output);
    }

    public void Dispose() => End(_container);

    private IReadOnlyList<string> EnterWords => ["nsenter", "--target", $"{_systemd}", "--all", "--", .. Environment];

    // It takes the container down with it.
    private static void End(Process container)
    {
        if (!container.HasExited)
        {
            Command.Run("kill", "-TERM", $"{container.Id}");
        }

        container.WaitForExit();
    }
}
