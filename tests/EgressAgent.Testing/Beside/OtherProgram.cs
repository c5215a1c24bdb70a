namespace EgressAgent.Testing.Beside;

/// <summary>A program that moves packets, or looks after links, on a node where the agent runs too.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Package">Debian's package; null for none.</param>
/// <param name="Start">A command of sh(1) after which it runs, and will after each boot.</param>
/// <param name="Reload">What has it read its settings again; null where there is nothing of the kind.</param>
/// <param name="Restart">What starts it anew, likewise.</param>
/// <param name="Engine">Whose containers are clients beside it; null for none.</param>
/// <param name="Repair">What the engine wants for its containers when the program was reloaded or restarted; null for nothing.</param>
public sealed record OtherProgram(string Name, string? Package, string Start, string? Reload, string? Restart, ContainerEngine? Engine, string? Repair = null)
{
    // Its file for all links is one that administrators write who know of no links but their own.
    private const string Networkd = """
        mkdir -p /etc/systemd/network
        cd /etc/systemd/network
        printf '[Match]\nName=eth0\n[Network]\nAddress=192.168.12.10/24\nGateway=192.168.12.1\n' >20-lan.network
        printf '[Match]\nName=client\n[Network]\nAddress=10.88.0.1/24\n' >20-client.network
        printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >80-all.network
        systemctl enable --now systemd-networkd
        """;

    public static IReadOnlyList<OtherProgram> All { get; } =
    [
        new("nothing", null, "true", null, null, null),
        new("Docker", "docker.io", ContainerEngine.Docker.Prepare + "systemctl enable --now docker", "systemctl reload docker", "systemctl restart docker", ContainerEngine.Docker),
        new("Podman", "podman", "true", "podman network reload --all", "podman restart --time=0 client", ContainerEngine.Podman),
        new("firewalld", "firewalld", "systemctl enable --now firewalld", "firewall-cmd --reload", "systemctl restart firewalld", ContainerEngine.Podman, "podman network reload --all"),
        new("ufw", "ufw", "ufw --force enable && systemctl enable --now ufw", "ufw reload", "systemctl restart ufw", ContainerEngine.Podman),
        new("NetworkManager", "network-manager", "systemctl enable --now NetworkManager", "systemctl reload NetworkManager", "systemctl restart NetworkManager", ContainerEngine.Podman),
        new("systemd-networkd", "systemd", Networkd, "networkctl reload", "systemctl restart systemd-networkd", ContainerEngine.Podman),
    ];

    /// <summary>The one with that name.</summary>
    public static OtherProgram Named(string name) => All.Single(program => program.Name == name);

    /// <summary>Whether it runs the containers itself.</summary>
    public bool IsEngine => Name is "Docker" or "Podman";

    public override string ToString() => Name;
}
