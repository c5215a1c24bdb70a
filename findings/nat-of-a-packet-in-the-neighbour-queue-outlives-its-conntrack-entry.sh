#!/bin/bash
# A packet that waits for its neighbour has its NAT done: it leaves translated, although its conntrack entry was deleted meanwhile.
#
# Expected: `conntrack -D` of a flow ends what NAT does for it: a packet that has not left yet leaves no more, or as it came.
# Found: NAT is done in the hooks, and the neighbour is asked for after the last of them. What waits in the neighbour's queue has passed all
#   rules, holds its conntrack entry itself, and leaves with the translated addresses as soon as the neighbour answers, however long ago the
#   entry and the rule went.
# Versions: Linux 6.18, nftables 1.0.6, conntrack 1.4.7, 2026-11-29.
# Source: ip_finish_output2() comes after NF_INET_POST_ROUTING; neigh_resolve_output() keeps the packet in arp_queue.
# Why it matters: who gives an address to another host has deleted rules and entries and may still be seen with that address once, when a
#   neighbour answers late.
set -euo pipefail

work=$(mktemp --directory)
router=nat-$$ neighbour=late-$$
trap 'for node in "$router" "$neighbour"; do ip netns delete "$node" 2>/dev/null || true; done; rm -rf "$work"' EXIT
ip netns add "$router"
ip netns add "$neighbour"
on() { ip netns exec "$@"; }
ip -n "$router" link add eth0 type veth peer name eth0 netns "$neighbour"
for node in "$router" "$neighbour"; do
    ip -n "$node" link set lo up
    ip -n "$node" link set eth0 up
done
ip -n "$router" address add 192.0.2.1/24 dev eth0
ip -n "$router" address add 198.51.100.1/32 dev lo
# It has no address yet, and answers no question. In a minute nobody gives up.
on "$router" sysctl --quiet --write net.ipv4.neigh.eth0.mcast_solicit=60
on "$router" nft -f - <<'NFT'
table ip translate {
    chain postrouting {
        type nat hook postrouting priority srcnat
        ip saddr 198.51.100.1 snat to 192.0.2.99
    }
}
NFT
on "$neighbour" nft -f - <<'NFT'
table ip seen {
    counter translated { }
    chain prerouting {
        type filter hook prerouting priority raw
        ip saddr 192.0.2.99 udp dport 9 counter name translated
    }
}
NFT

entries() { on "$router" conntrack -L -p udp --dport 9 2>/dev/null | grep --count . || true; }
arrived() { on "$neighbour" nft list counter ip seen translated | grep --only-matching 'packets [0-9]*'; }

# Sent from an address of its own, to a neighbour that is silent.
on "$router" python3 - <<'PY'
import socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(("198.51.100.1", 4000))
client.sendto(b"news", ("192.0.2.2", 9))
PY
{
    echo "sent: $(entries) entry, $(arrived) arrived"
    on "$router" conntrack -D -p udp --dport 9 >/dev/null 2>&1
    on "$router" nft delete table ip translate
    echo "entry and rule deleted: $(entries) entries, $(arrived) arrived"
    ip -n "$neighbour" address add 192.0.2.2/24 dev eth0
    for _ in $(seq 100); do
        [ "$(arrived)" = "packets 0" ] || break
        sleep 0.1
    done
    echo "the neighbour answers: $(arrived) arrived as 192.0.2.99"
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
sent: 1 entry, packets 0 arrived
entry and rule deleted: 0 entries, packets 0 arrived
the neighbour answers: packets 1 arrived as 192.0.2.99
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
