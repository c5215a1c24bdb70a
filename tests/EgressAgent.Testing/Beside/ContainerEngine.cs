using System.Globalization;
using EgressAgent.Testing.Booted;

namespace EgressAgent.Testing.Beside;

/// <summary>Docker or Podman, with one container that does nothing. Its image is made of the node's own files: no registry is asked.</summary>
/// <param name="Command">The engine's command.</param>
/// <param name="Prepare">Commands of sh(1) by which it works in a container: a file system on top of one on top of another is too much for overlayfs.</param>
/// <param name="Network">A command after which there is a network for the container.</param>
/// <param name="Options">How the container is run.</param>
public sealed record ContainerEngine(string Command, string Prepare, string Network, string Options)
{
    public static readonly ContainerEngine Docker = new(
        "docker",
        "mkdir -p /etc/docker && echo '{\"storage-driver\": \"vfs\"}' >/etc/docker/daemon.json\n",
        "true",
        "--restart always");

    // Its own network would be that of the lab's client.
    public static readonly ContainerEngine Podman = new(
        "podman",
        """
        mkdir -p /etc/containers
        printf '[storage]\ndriver="vfs"\nrunroot="/run/containers/storage"\ngraphroot="/var/lib/containers/storage"\n' >/etc/containers/storage.conf

        """,
        "podman network create --disable-dns --subnet 10.90.0.0/24 shop",
        "--network shop --privileged --pids-limit=0 --ulimit host");

    /// <summary>Makes the container and starts it. It ends when it is told to.</summary>
    public void Run(BootedNode node) => node.Check("sh", "-euc", $$"""
        {{Prepare}}{{Network}}
        tar --create --dereference --directory=/ usr/bin/perl $(ldd /usr/bin/perl | grep -o '/[^ ]*') 2>/dev/null | {{Command}} import - client
        {{Command}} run --detach --name client {{Options}} client /usr/bin/perl -e '$SIG{TERM} = sub { exit }; sleep'
        """);

    /// <summary>Starts the container if it does not run, as after a boot.</summary>
    public void Start(BootedNode node) => node.Check(Command, "start", "client");

    /// <summary>The network namespace of the container; null while it does not run.</summary>
    public string? NamespacePath(BootedNode node) =>
        int.TryParse(node.Run(Command, "inspect", "--format", "{{.State.Pid}}", "client").Output, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int pid) && pid > 0
            ? node.PathOf($"/proc/{pid}/ns/net")
            : null;
}
