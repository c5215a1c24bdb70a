#!/bin/bash
# Taking an address away removes the IPv4 routes that prefer it as source; the IPv6 ones stay, silently without their source.
#
# Expected: both families do the same with `ip route add DESTINATION via GATEWAY src ADDRESS` when ADDRESS is removed while another
#   address of the subnet stays: either the route goes, or it stays as it is. What happens is told to `ip monitor route`.
# Found: the IPv4 route is removed, and `ip monitor route` prints that. The IPv6 route stays, its `src` is gone, packets leave with
#   whatever other address the kernel picks, and `ip monitor route` prints nothing.
# Versions: Linux 6.18, iproute2 6.1, 2026-11-28.
# Source: fib_sync_down_addr() of net/ipv4 and rt6_remove_prefsrc() of net/ipv6.
# Why it matters: who relies on `src` so that a partner's firewall sees one address gets IPv4 that fails closed and IPv6 that fails
#   open, and a daemon that repairs what the kernel tells of does not notice. It has to compare the routes after each lost address.
set -euo pipefail

work=$(mktemp --directory)
node=prefsrc-$$
trap 'ip netns delete "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
ip netns add "$node"
ip -n "$node" link add one type veth peer name two
ip -n "$node" link set one up
ip -n "$node" link set two up
for address in 192.0.2.10/24 192.0.2.11/24 2001:db8::10/64 2001:db8::11/64; do
    ip -n "$node" address add "$address" dev one $([[ $address == *:* ]] && echo nodad)
done
ip -n "$node" route add 198.51.100.0/24 via 192.0.2.1 src 192.0.2.11
ip -n "$node" route add 2001:db8:1::/48 via 2001:db8::1 src 2001:db8::11

stdbuf --output=L ip -n "$node" monitor route >"$work/events" &
monitor=$!
until awk -v pid="$monitor" '$3 == pid { found = 1 } END { exit !found }' <(ip netns exec "$node" cat /proc/net/netlink); do
    kill -0 "$monitor"
done
ip -n "$node" address delete 192.0.2.11/24 dev one
ip -n "$node" address delete 2001:db8::11/64 dev one
# The last change is told, so nothing more is to come once it was seen.
ip -n "$node" route add 203.0.113.0/24 via 192.0.2.1
until grep -q 203.0.113.0 "$work/events"; do kill -0 "$monitor"; done
kill "$monitor"
wait "$monitor" 2>/dev/null || true

{
    echo "IPv4: $(ip -n "$node" route show 198.51.100.0/24 | sed 's/ *$//')"
    echo "IPv6: $(ip -n "$node" -6 route show 2001:db8:1::/48 | sed 's/ metric.*//')"
    echo "told of IPv4: $(grep -c '^Deleted 198.51.100.0/24' "$work/events" || true)"
    echo "told of IPv6: $(grep -c '2001:db8:1::/48' "$work/events" || true)"
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
IPv4: 
IPv6: 2001:db8:1::/48 via 2001:db8::1 dev one
told of IPv4: 1
told of IPv6: 0
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
