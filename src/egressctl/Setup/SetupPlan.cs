using System.Net;
using EgressAgent.Model;

namespace EgressAgent.Control.Setup;

/// <summary>How one other program is told to let clients through to routers, and how that is taken back. All of it lasts.</summary>
/// <param name="Program">The program.</param>
/// <param name="Command">By which it is known to be installed.</param>
/// <param name="Apply">The steps, in their order.</param>
/// <param name="Undo">Those that take them back.</param>
/// <param name="OpensRouters">Whether clients who came nowhere before come to routers after it.</param>
internal sealed record SetupPlan(string Program, string Command, ValueList<SetupStep> Apply, ValueList<SetupStep> Undo, bool OpensRouters)
{
    internal static readonly string[] Programs = ["docker", "podman", "firewalld", "ufw"];

    private const string Links = "egr-+";

    /// <param name="program">One of <see cref="Programs"/>.</param>
    /// <param name="networks">The agent's inside networks, and those of Services.</param>
    internal static SetupPlan Of(string program, IEnumerable<IPNetwork> networks) => program switch
    {
        "docker" => ByIptables(
            program,
            "dockerd",
            "Ways for clients through Docker's firewall to egress routers",
            "docker.service",
            [.. DockerRules("iptables"), .. DockerRules("ip6tables")],
            opensRouters: true),
        "podman" => ByIptables(
            program,
            "podman",
            "Containers reach egress routers by their own addresses",
            "multi-user.target",
            [.. networks.Select(network => new IptablesRule(network.BaseAddress.GetAddressBytes().Length == 4 ? "iptables" : "ip6tables", "-t nat ", $"POSTROUTING -d {network} -j ACCEPT"))],
            opensRouters: false),
        "firewalld" => Firewalld(),
        "ufw" => new SetupPlan(
            program,
            "ufw",
            [SetupStep.Run($"ufw route allow out on {Links}", unless: UfwHasRule)],
            [SetupStep.Run($"ufw route delete allow out on {Links}", unless: $"! {UfwHasRule}")],
            OpensRouters: true),
        _ => throw new ArgumentOutOfRangeException(nameof(program)),
    };

    private const string UfwHasRule = $"ufw show added | grep -qxF 'ufw route allow out on {Links}'";

    private static IptablesRule[] DockerRules(string tool) =>
    [
        new IptablesRule(tool, "", $"DOCKER-USER -i {Links} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
        new IptablesRule(tool, "", $"DOCKER-USER -o {Links} -j ACCEPT"),
    ];

    // A unit that goes in again and again: it is no longer active when it is done, so that each start of what wants it starts it.
    private static SetupPlan ByIptables(string program, string command, string description, string wantedBy, IptablesRule[] rules, bool opensRouters)
    {
        string unit = $"egress-agentd-{program}.service";
        string path = $"/etc/systemd/system/{unit}";
        string after = wantedBy.EndsWith(".service", StringComparison.Ordinal) ? $"After={wantedBy}\n" : "";
        string content = $"""
            # By `egressctl setup {program}`; `egressctl setup {program} --undo` takes it away.
            [Unit]
            Description={description}
            {after}
            [Service]
            Type=oneshot
            {string.Join("\n", rules.Select(rule => $"ExecStart={(rule.IsIPv6 ? "-" : "")}/bin/sh -c '{rule.Has} 2>/dev/null || {rule.Insert}'"))}

            [Install]
            WantedBy={wantedBy}

            """;
        string isRunning = wantedBy.EndsWith(".service", StringComparison.Ordinal) ? $"systemctl --quiet is-active {wantedBy}" : "true";
        string hasAll = string.Join(" && ", rules.Where(rule => !rule.IsIPv6).Select(rule => rule.Has));
        return new SetupPlan(
            program,
            command,
            [
                SetupStep.Write(path, content),
                SetupStep.RunAfterChange("systemctl daemon-reload"),
                SetupStep.Run($"systemctl --quiet enable {unit}", unless: $"systemctl --quiet is-enabled {unit}"),
                SetupStep.Run($"systemctl start {unit}", unless: $"! {isRunning} || {{ {hasAll}; }}"),
            ],
            [
                SetupStep.Run($"systemctl --quiet disable {unit}", unless: $"! systemctl --quiet is-enabled {unit}"),
                SetupStep.Remove(path),
                SetupStep.RunAfterChange("systemctl daemon-reload"),
                .. rules.Select(rule => SetupStep.Run(rule.Delete, unless: $"! {rule.Has}")),
            ],
            opensRouters);
    }

    // The package brings the zone; the policy is the administrator's to have.
    private static SetupPlan Firewalld()
    {
        const string Zone = "/etc/firewalld/zones/egress.xml";
        const string Policy = "/etc/firewalld/policies/to-egress.xml";
        const string IsOff = "! firewall-cmd --quiet --state";
        const string HasPolicy = "firewall-cmd --get-policies | grep -qw to-egress";
        const string Reload = "firewall-cmd --quiet --reload";
        return new SetupPlan(
            "firewalld",
            "firewall-cmd",
            [
                SetupStep.WriteUnless(
                    Zone,
                    $"""
                    <?xml version="1.0" encoding="utf-8"?>
                    <zone>
                      <short>Egress routers</short>
                      <interface name="{Links}"/>
                    </zone>

                    """,
                    () => File.Exists("/usr/lib/firewalld/zones/egress.xml") || File.Exists(Zone)),
                SetupStep.WriteUnless(
                    Policy,
                    """
                    <?xml version="1.0" encoding="utf-8"?>
                    <policy target="ACCEPT">
                      <short>To egress routers</short>
                      <ingress-zone name="ANY"/>
                      <egress-zone name="egress"/>
                    </policy>

                    """,
                    () => File.Exists(Policy) && File.ReadAllText(Policy) is var text && text.Contains("target=\"ACCEPT\"") && text.Contains("<egress-zone name=\"egress\"")),
                new SetupStep(Reload, isChanged => Shell.Succeeds(isChanged ? IsOff : $"{IsOff} || {HasPolicy}"), () => Shell.Check(Reload)),
            ],
            [
                SetupStep.Remove(Policy),
                new SetupStep(Reload, isChanged => Shell.Succeeds(isChanged ? IsOff : $"{IsOff} || ! {HasPolicy}"), () => Shell.Check(Reload)),
            ],
            OpensRouters: true);
    }
}
