#!/bin/bash
# An IPv6 neighbour is said to be absent (FAILED) although nobody has asked for it.
#
# Expected: who has the kernel resolve a neighbour (NTF_USE, `ip neighbour replace … use`) on a link that is up and has a global address
#   learns from FAILED that three solicitations went unanswered (mcast_solicit). With IPv4 it is so.
# Found: as long as the link-local address is in duplicate address detection, which takes one to two seconds after a link comes up and
#   longer where the kernel's lock for networks is busy, no solicitation is sent for it, and no error is given: the state is INCOMPLETE,
#   and three seconds later FAILED. A packet that is sent to the neighbour at the same time does ask, with its own source address.
# Versions: Linux 6.18 (the machine's own), iproute2 6.1, nftables 1.0.6, 2026-11-30.
# Source: net/ipv6/ndisc.c: without a packet a solicitation wants the link-local address, and is not made if that is tentative or optimistic.
# Why it matters: a health check that reads the neighbour table reports the gateway as dead just after the link came up. It has to look
#   first whether the link has a link-local address that is not tentative.
set -euo pipefail

work=$(mktemp --directory)
here=asker-$$ there=asked-$$
trap 'for name in "$here" "$there"; do ip netns delete "$name" 2>/dev/null || true; done; rm -rf "$work"' EXIT
ip netns add "$here"
ip netns add "$there"
ip -n "$here" link add eth0 type veth peer name eth0 netns "$there"
ip -n "$there" link set eth0 up
ip -n "$there" address add 2001:db8::1/64 dev eth0 nodad

# To the multicast group that 2001:db8::1 is asked by; the link-local address of the other end is asked for by another one.
ip netns exec "$there" nft -f - <<'NFT'
table inet asked {
    counter solicitations { }
    chain heard {
        type filter hook prerouting priority 0
        ip6 daddr ff02::1:ff00:1 icmpv6 type nd-neighbor-solicit counter name solicitations
    }
}
NFT

ip netns exec "$here" sysctl --quiet net.ipv6.conf.eth0.dad_transmits=60
ip -n "$here" link set eth0 up
ip -n "$here" address add 2001:db8::2/64 dev eth0 nodad

# resolve WHEN: prints what becomes of the neighbour, and how often it was asked for.
resolve() {
    local state=INCOMPLETE
    ip netns exec "$there" nft reset counter inet asked solicitations >/dev/null
    ip -n "$here" neighbour replace 2001:db8::1 dev eth0 use
    while [ "$state" = INCOMPLETE ]; do
        state=$(ip -n "$here" neighbour show 2001:db8::1 dev eth0 | awk '{ print $NF }')
    done
    echo "link-local address $1: $state, asked $(ip netns exec "$there" nft list counter inet asked solicitations | awk '/packets/ { print $2 }') times"
}

{
    resolve tentative
    address=$(ip -n "$here" -oneline address show dev eth0 scope link | awk '{ print $4 }')
    ip -n "$here" address delete "$address" dev eth0
    ip -n "$here" address add "$address" dev eth0 nodad
    resolve usable
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
link-local address tentative: FAILED, asked 0 times
link-local address usable: REACHABLE, asked 1 times
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
