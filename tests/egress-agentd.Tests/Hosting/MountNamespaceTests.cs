using EgressAgent.Daemon.Hosting;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Daemon.Tests.Hosting;

/// <summary>Whether an agent is seen, by mountinfo as Debian 12, its containers and Docker show it.</summary>
public sealed class MountNamespaceTests
{
    private const string Node = """
        27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
        30 27 0:26 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=4936820k,mode=755
        31 27 0:27 / /tmp rw,nosuid,nodev shared:6 - tmpfs tmpfs rw
        """;

    private const string NodeWithNames = Node + "\n90 30 0:26 /netns /run/netns rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=4936820k,mode=755";

    private const string PrivateTmp = """
        127 1 254:0 / / rw,relatime shared:101 master:1 - ext4 /dev/vda rw
        130 127 0:26 / /run rw,nosuid,nodev shared:105 master:5 - tmpfs tmpfs rw,size=4936820k,mode=755
        131 127 0:27 /systemd-private-1/tmp /tmp rw,nosuid,nodev shared:106 master:6 - tmpfs tmpfs rw
        """;

    private const string ProtectProc = PrivateTmp + "\n132 127 0:60 / /proc rw,nosuid,nodev,noexec,relatime shared:110 - proc proc rw,hidepid=invisible";

    private const string ProcSubset = PrivateTmp + "\n132 127 0:60 / /proc rw,nosuid,nodev,noexec,relatime shared:110 - proc proc rw,subset=pid";

    // The node's administrator mounted it so.
    private const string PrivateTmpAndHiddenProc = PrivateTmp + "\n132 127 0:61 / /proc rw,relatime shared:110 master:9 - proc proc rw,hidepid=invisible";

    private const string TemporaryRun = """
        127 1 254:0 / / rw,relatime shared:101 master:1 - ext4 /dev/vda rw
        130 127 0:70 / /run rw,nosuid,nodev shared:105 - tmpfs tmpfs rw
        131 127 0:27 / /tmp rw,nosuid,nodev shared:106 master:6 - tmpfs tmpfs rw
        """;

    private const string NetnsExec = """
        127 1 254:0 / / rw,relatime master:1 - ext4 /dev/vda rw
        130 127 0:26 / /run rw,nosuid,nodev master:5 - tmpfs tmpfs rw,size=4936820k,mode=755
        190 130 0:26 /netns /run/netns rw,nosuid,nodev master:5 - tmpfs tmpfs rw,size=4936820k,mode=755
        """;

    private const string Unshared = """
        127 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        130 127 0:26 / /run rw,nosuid,nodev - tmpfs tmpfs rw,size=4936820k,mode=755
        """;

    private const string OwnNames = Unshared + "\n190 130 0:99 / /run/netns rw,relatime shared:300 - tmpfs tmpfs rw,mode=755";

    private const string Docker = "2191 2120 0:417 / / rw,relatime master:551 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A";

    private const string DockerWithNames = Docker + "\n2300 2191 0:26 /netns /run/netns rw,nosuid,nodev shared:5 - tmpfs tmpfs rw";

    [Theory]
    [InlineData(Node, Node, true)]
    [InlineData(NodeWithNames, NodeWithNames, true)]
    [InlineData(Unshared, Node, false)]
    [InlineData(OwnNames, Node, false)]
    [InlineData(Unshared, Unshared, true)]
    [InlineData(Docker, Docker, false)]
    [InlineData(Docker, NodeWithNames, false)]
    [InlineData(DockerWithNames, NodeWithNames, false)]
    [InlineData(Node, null, true)]
    public void What_is_mounted_is_seen_or_is_meant_to_be_apart(string own, string? others, bool isService) =>
        Assert.Null(MountNamespace.WhyHidden(Read(own), others is null ? null : Read(others), isService));

    [Theory]
    [InlineData(PrivateTmp, Node, true, "by PrivateTmp= in the unit")]
    [InlineData(PrivateTmp, NodeWithNames, true, "by PrivateTmp= in the unit")]
    [InlineData(PrivateTmp, null, true, "by one of Private…=, Protect…=")]
    [InlineData(ProtectProc, null, true, "by ProtectProc= in the unit")]
    [InlineData(ProtectProc, Node, true, "by ProtectProc= in the unit")]
    [InlineData(ProcSubset, Node, true, "by ProcSubset= in the unit")]
    [InlineData(PrivateTmpAndHiddenProc, null, true, "by one of Private…=, Protect…=")]
    [InlineData(TemporaryRun, Node, true, "by TemporaryFileSystem=/run in the unit")]
    [InlineData(Unshared, Node, true, "by one of Private…=, Protect…=")]
    [InlineData(NetnsExec, NodeWithNames, false, "not by ip netns exec, but: nsenter --net=/run/netns/NAME egress-agentd run")]
    [InlineData(NetnsExec, null, false, "not by ip netns exec")]
    public void What_is_mounted_is_seen_by_nobody_else(string own, string? others, bool isService, string expected) =>
        Assert.Contains(expected, MountNamespace.WhyHidden(Read(own), others is null ? null : Read(others), isService));

    private static Mount[] Read(string lines) => [.. lines.Split('\n').Select(Mount.Parse)];
}
