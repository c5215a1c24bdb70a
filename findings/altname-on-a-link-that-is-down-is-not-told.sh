#!/bin/bash
# An alternative name that is given to a link is told to netlink listeners only if the link is up.
#
# Expected: each change of a link that `ip link show` prints reaches those who listen to RTNLGRP_LINK, whether the link is up or down.
#   A rename, a new MAC address and a new MTU do; a program that keeps a list of names from events relies on it.
# Found: `ip link property add` (and del) on a link that is up is told with RTM_NEWLINK at once. On one that is down nothing is told,
#   now or when the next alternative name comes; the listener learns of it only from some other change of the link.
# Versions: Linux 6.18 (the machine's own), iproute2 6.1, 2026-11-28.
# Source: net/core/rtnetlink.c calls netdev_state_change() for link properties, and that tells of links with IFF_UP only.
# Why it matters: a daemon that finds links by alternative name (udev gives them before a link is up) and trusts the events waits for
#   a name that is there already. It has to ask the kernel for the list again when a name is not found.
set -euo pipefail

work=$(mktemp --directory)
node=altname-$$
trap 'ip netns delete "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
ip netns add "$node"
ip -n "$node" link add one type veth peer name two

# events WHAT MTU COMMAND…: prints WHAT and how many messages about "one" the command leads to.
events() {
    local what=$1 last=$2 monitor
    shift 2
    stdbuf --output=L ip -n "$node" monitor link >"$work/events" &
    monitor=$!
    until awk -v pid="$monitor" '$3 == pid { found = 1 } END { exit !found }' \
        <(ip netns exec "$node" cat /proc/net/netlink); do kill -0 "$monitor"; done
    "$@"
    # What comes last is told in any case, a change of the other link to MTU, so nothing more is to come once it was seen.
    ip -n "$node" link set two mtu "$last"
    until grep -q "two.* mtu $last" "$work/events"; do kill -0 "$monitor"; done
    kill "$monitor"
    wait "$monitor" 2>/dev/null || true
    echo "$what: $(grep -c '^[0-9]*: one' "$work/events" || true) told"
}

{
    events "altname, link down" 1301 ip -n "$node" link property add dev one altname first-name
    events "mtu, link down" 1302 ip -n "$node" link set one mtu 1400
    ip -n "$node" link set one up
    events "altname, link up" 1303 ip -n "$node" link property add dev one altname second-name
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
altname, link down: 0 told
mtu, link down: 1 told
altname, link up: 1 told
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
