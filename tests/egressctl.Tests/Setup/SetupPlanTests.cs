using System.Net;
using EgressAgent.Control.Setup;

namespace EgressAgent.Control.Tests.Setup;

public sealed class SetupPlanTests
{
    private static readonly IPNetwork[] Networks = [IPNetwork.Parse("198.18.0.0/16"), IPNetwork.Parse("fd96:e9e5:a::/112")];

    [Fact]
    public void Docker_gets_its_rules_each_time_that_it_starts()
    {
        SetupPlan plan = SetupPlan.Of("docker", Networks);

        Assert.Equal(
            """
            write /etc/systemd/system/egress-agentd-docker.service:
            # By `egressctl setup docker`; `egressctl setup docker --undo` takes it away.
            [Unit]
            Description=Ways for clients through Docker's firewall to egress routers
            After=docker.service

            [Service]
            Type=oneshot
            ExecStart=/bin/sh -c 'iptables -w -C DOCKER-USER -i egr-+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT 2>/dev/null || iptables -w -I DOCKER-USER -i egr-+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT'
            ExecStart=/bin/sh -c 'iptables -w -C DOCKER-USER -o egr-+ -j ACCEPT 2>/dev/null || iptables -w -I DOCKER-USER -o egr-+ -j ACCEPT'
            ExecStart=-/bin/sh -c 'ip6tables -w -C DOCKER-USER -i egr-+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT 2>/dev/null || ip6tables -w -I DOCKER-USER -i egr-+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT'
            ExecStart=-/bin/sh -c 'ip6tables -w -C DOCKER-USER -o egr-+ -j ACCEPT 2>/dev/null || ip6tables -w -I DOCKER-USER -o egr-+ -j ACCEPT'

            [Install]
            WantedBy=docker.service
            """,
            plan.Apply[0].Text);
        Assert.True(plan.OpensRouters);
    }

    [Fact]
    public void Containers_of_Podman_are_not_masqueraded_towards_the_agents_networks()
    {
        SetupPlan plan = SetupPlan.Of("podman", Networks);

        Assert.Equal(
            ["iptables -w -t nat -D POSTROUTING -d 198.18.0.0/16 -j ACCEPT", "ip6tables -w -t nat -D POSTROUTING -d fd96:e9e5:a::/112 -j ACCEPT"],
            plan.Undo.Select(step => step.Text).Where(text => text.Contains("tables")));
        Assert.False(plan.OpensRouters);
    }
}
