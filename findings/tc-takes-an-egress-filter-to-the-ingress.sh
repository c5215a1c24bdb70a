#!/bin/bash
# A filter for the egress of a link goes to its ingress, and is listed for the egress, where the old qdisc ingress has the place of clsact.
#
# Expected: `tc filter add … egress` is refused on a link that has no clsact, and listing the filters of its egress shows none.
# Found: ingress and clsact have one handle, ffff:, and the parent ffff:fff3, which is clsact's egress, is taken by ingress for its only
#   block. `tc qdisc add … clsact` says that the qdisc exists, which for ingress is as true; the filter is then added without a word, drops
#   what comes in, and lets out what it was to drop.
# Versions: Linux 6.18, iproute2 6.1, 2026-11-29. tc(8) and tc-bpf(8) say nothing of it.
# Source: ingress_find() and ingress_tcf_block() of net/sched/sch_ingress.c.
# Why it matters: who puts a filter at the egress to be sure that nothing leaves has to look which of the two is there, not only whether.
set -euo pipefail

netns=finding-$$
ip netns add "$netns"
trap 'ip netns delete "$netns"' EXIT
ip -n "$netns" link set lo up
tc -n "$netns" qdisc add dev lo ingress
added=refused
tc -n "$netns" qdisc add dev lo clsact 2>/dev/null || added=exists
tc -n "$netns" filter add dev lo egress pref 1 handle 1 bpf direct-action bytecode '1,6 0 0 0'
listed=$(tc -n "$netns" filter show dev lo egress | grep -c handle || true)
place=$(tc -n "$netns" filter show dev lo ingress | grep -c handle || true)
echo "clsact: $added; filters at the egress: $listed, at the ingress: $place"
[ "clsact: $added; filters at the egress: $listed, at the ingress: $place" = "clsact: exists; filters at the egress: 1, at the ingress: 1" ]
