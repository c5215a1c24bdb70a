using EgressAgent.Testing.Lab;
using Xunit;

namespace EgressAgent.Testing.Booted;

/// <summary>
/// The agent as administrators get it: installed from its Debian package on a booted system, which is the node of the documented
/// example's lab.
/// </summary>
public sealed class InstalledAgent : IDisposable
{
    /// <summary>Where the documented example goes.</summary>
    public const string RouterFile = "/etc/egress-router/egress-router-redirect.yaml";

    /// <summary>The documented example, as the package brings it.</summary>
    public const string ExampleFile = "/usr/share/doc/egress-agentd/examples/egress-router-redirect.yaml";

    private readonly string? _files;

    /// <param name="files">As in <see cref="BootedNode.Boot"/>; without it there is no <see cref="Reboot"/>.</param>
    public InstalledAgent(string? files = null)
    {
        _files = files;
        try
        {
            Node = Boot();
            InstallPackage();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public EgressLab Lab { get; } = new();

    public BootedNode Node { get; private set; } = null!;

    /// <summary>The line that <c>systemctl status</c> shows.</summary>
    public string StatusText => Show("StatusText");

    public int MainPid => int.Parse(Show("MainPID"));

    /// <summary>How often systemd had to start it anew.</summary>
    public int Restarts => int.Parse(Show("NRestarts"));

    /// <summary><c>dpkg -i</c>, for the first time or again.</summary>
    public void InstallPackage() => Node.Check("dpkg", "--install", "/mnt/" + Path.GetFileName(Repository.AgentPackage));

    /// <summary>Shuts the node down and boots it again.</summary>
    /// <param name="prepare">Called when its network is as it was at first, and nothing has been started.</param>
    public void Reboot(Action prepare)
    {
        Node.PowerOff();
        Node.Dispose();
        Lab.ResetNode();
        prepare();
        Node = Boot();
    }

    /// <summary>Saves the file of the example's router, as <c>cp</c> does.</summary>
    public void WriteRouter(string text) => File.WriteAllText(Node.PathOf(RouterFile), text);

    public string ReadExample() => File.ReadAllText(Node.PathOf(ExampleFile));

    /// <summary>Brings the service up with the documented example and nothing else, and waits until its router carries traffic.</summary>
    public void RunExample()
    {
        Node.Check("systemctl", "start", "egress-agentd");
        WriteRouter(ReadExample());
        WaitForStatus(text => text.StartsWith("1 router active at ", StringComparison.Ordinal));
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource));
    }

    /// <summary>Waits until the status line is as <paramref name="isExpected"/> wants it.</summary>
    public void WaitForStatus(Func<string, bool> isExpected) => Eventually.True(
        "the expected status line", () => isExpected(StatusText), otherwise: () => $"It is: {StatusText}\n{Journal()}");

    /// <summary>What the journal has of it, warnings and all.</summary>
    public string Journal(params IReadOnlyList<string> options) =>
        Node.Check(["journalctl", "--quiet", "--no-pager", .. options.Count > 0 ? options : ["--unit=egress-agentd"]]);

    /// <summary>A property of the service, as <c>systemctl show</c> prints it.</summary>
    public string Show(string property) => Node.Check("systemctl", "show", "--property=" + property, "--value", "egress-agentd").TrimEnd('\n');

    public void Dispose()
    {
        Node?.Dispose();
        Lab.Dispose();
    }

    private BootedNode Boot() => BootedNode.Boot(Lab.Node, Path.GetDirectoryName(Repository.AgentPackage)!, _files);
}
