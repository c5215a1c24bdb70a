#!/bin/bash
# A TCP connection over a veth pair that a firewall refuses by ICMP fails only after a second; refused by a reset, it fails at once.
#
# Expected: nftables' `reject with icmpx port-unreachable` and `reject with tcp reset` both end connect(2) with ECONNREFUSED in less
#   than a millisecond when the firewall is the other end of a veth pair, since RFC 5461 and ip(7) let Linux give up a connection that
#   is being opened when such an ICMP error comes.
# Found: the ICMP error is dropped and counted as LockDroppedIcmps. The whole way there and back is run inside of connect(2) itself,
#   which holds the socket's lock, and what ICMP says of a locked socket is not kept for later. The SYN is sent again after a second,
#   by a timer that does not hold the lock, and that refusal is heard. A reset is not affected: segments wait in the backlog.
# Versions: Linux 6.18, nftables 1.0.6, bash 5.2, 2026-11-28.
# Source: tcp_v4_err() of net/ipv4/tcp_ipv4.c.
# Why it matters: `reject` without more words means ICMP. Containers and network namespaces behind a veth pair wait a second for each
#   refused connection, and programs with several addresses to try wait as often. For TCP the rule has to say `with tcp reset`.
set -euo pipefail

work=$(mktemp --directory)
client=refused-$$ firewall=refusing-$$
trap 'for node in "$client" "$firewall"; do ip netns delete "$node" 2>/dev/null || true; done; rm -rf "$work"' EXIT
ip netns add "$client"
ip netns add "$firewall"
ip -n "$client" link add eth0 type veth peer name eth0 netns "$firewall"
for node in "$client" "$firewall"; do ip -n "$node" link set eth0 up; done
ip -n "$client" address add 192.0.2.1/24 dev eth0
ip -n "$firewall" address add 192.0.2.2/24 dev eth0
# No address has to be asked for while the connection is made.
mac() { ip -n "$1" -brief link show eth0 | awk '{ print $3 }'; }
ip -n "$client" neighbour add 192.0.2.2 lladdr "$(mac "$firewall")" dev eth0
ip -n "$firewall" neighbour add 192.0.2.1 lladdr "$(mac "$client")" dev eth0

ip netns exec "$firewall" nft -f - <<'NFT'
table ip firewall {
    chain input {
        type filter hook input priority 0
        tcp dport 1001 reject with icmp port-unreachable
        tcp dport 1002 reject with tcp reset
    }
}
NFT

counter() {
    ip netns exec "$client" awk -v name="$1" '$1 == "TcpExt:" && !n { for (i = 2; i <= NF; i++) if ($i == name) n = i; next }
        $1 == "TcpExt:" && n { print $n; exit }' /proc/net/netstat
}

# try WHAT PORT
try() {
    local what=$1 port=$2 dropped start end
    dropped=$(counter LockDroppedIcmps)
    start=$(date +%s%N)
    ip netns exec "$client" bash -c "exec 3<>/dev/tcp/192.0.2.2/$port" 2>"$work/error" || true
    end=$(date +%s%N)
    grep -q "Connection refused" "$work/error"
    echo "$what: $([ $((end - start)) -ge 1000000000 ] && echo "after a second" || echo "at once"), $(($(counter LockDroppedIcmps) - dropped)) ICMP errors dropped"
}

{
    try "port-unreachable" 1001
    try "reset" 1002
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
port-unreachable: after a second, 1 ICMP errors dropped
reset: at once, 0 ICMP errors dropped
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
