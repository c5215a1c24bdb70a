#!/bin/bash
# ICMP errors of one network namespace keep those of every other from being sent: a refusal there is silence, counted as IcmpOutErrors.
#
# Expected: a firewall's `reject`, or a closed UDP port, answers in each network namespace by itself. What is limited per namespace since
#   Linux 6.12, icmp_msgs_per_sec and the ratemask, says so too.
# Found: the kernel sends all ICMP errors of a processor, whatever their namespace, through one socket with one send buffer (some 200 of
#   them). Those that wait, here for a neighbour that does not answer, stay charged to it. Until they are gone, errors of all other
#   namespaces on that processor are dropped; their clients wait until they give up. Neither limit is counted, IcmpOutErrors is.
# Versions: Linux 6.18, Python 3.11, 2026-11-29.
# Source: icmp_xmit_lock() and icmp_push_reply() of net/ipv4/icmp.c; the same for IPv6 in net/ipv6/icmp.c.
# Why it matters: a container or router whose clients are refused "at once" now and then lets them time out, and nothing in its own
#   namespace says why, but for that counter. Tests that run side by side disturb each other.
set -euo pipefail

names=()
trap 'for name in "${names[@]}"; do ip netns delete "$name" 2>/dev/null || true; done' EXIT
for pair in busy quiet; do
    for end in client host; do
        names+=("$pair-$end-$$")
        ip netns add "$pair-$end-$$"
        ip -n "$pair-$end-$$" link set lo up
    done
    ip -n "$pair-client-$$" link add eth0 type veth peer name eth0 netns "$pair-host-$$"
    ip -n "$pair-client-$$" address add 192.0.2.1/24 dev eth0
    ip -n "$pair-host-$$" address add 192.0.2.2/24 dev eth0
    for end in client host; do ip -n "$pair-$end-$$" link set eth0 up; done
    # The busy host's errors wait: its client answers no ARP, and in a minute nobody gives up.
    [ "$pair" = quiet ] || ip -n "$pair-client-$$" link set eth0 arp off
    ip netns exec "$pair-host-$$" sysctl --quiet --write net.ipv4.neigh.eth0.mcast_solicit=60
    mac=$(ip -n "$pair-host-$$" -brief link show eth0 | awk '{ print $3 }')
    ip -n "$pair-client-$$" neighbour replace 192.0.2.2 lladdr "$mac" dev eth0 nud permanent
    # No rate is limited.
    ip netns exec "$pair-host-$$" sysctl --quiet --write net.ipv4.icmp_ratemask=0
done

# Sends datagrams to closed ports, all on one processor. One is waited for.
ask() {
    taskset --cpu-list 0 ip netns exec "$1-client-$$" python3 - "$2" <<'PYTHON'
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
count = int(sys.argv[1])
if count == 1:
    client.settimeout(1)
    client.connect(("192.0.2.2", 9))
    client.send(b"x")
    try:
        client.recv(1)
    except ConnectionRefusedError:
        print("refused")
    except TimeoutError:
        print("silence")
else:
    for port in range(10000, 10000 + count):
        client.sendto(b"x", ("192.0.2.2", port))
PYTHON
}

unsent() { ip netns exec quiet-host-$$ awk '/^Icmp:/ { if (!n) { n = split($0, name) } else { for (i = 1; i <= n; i++) if (name[i] == "OutErrors") print $i } }' /proc/net/snmp; }

before=$(ask quiet 1)
ask busy 1000
meanwhile=$(ask quiet 1)
counted=$(unsent)
ip netns delete "busy-client-$$"
ip netns delete "busy-host-$$"
afterwards=$(ask quiet 1)

echo "a closed port of a quiet namespace: $before; while errors of another wait: $meanwhile, IcmpOutErrors $counted; afterwards: $afterwards"
[ "$before $meanwhile $counted" = "refused silence 1" ]
