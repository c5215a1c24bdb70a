#!/bin/bash
# An entry of connection tracking that is restored as `conntrack -L` lists it translates nothing, and is listed as before.
#
# Expected: what conntrack(8) lists of a translated flow, its original and its reply direction, is all that there is to it: who inserts an
#   entry with the same two directions (conntrack -I, or IPCTNL_MSG_CT_NEW with CTA_TUPLE_ORIG and CTA_TUPLE_REPLY) has the flow back.
# Found: the kernel takes it, lists it to the letter as before, and lets the flow's packets pass untranslated, to the address that the client
#   dialled. That an entry is translated stands in status bits that no listing shows and that cannot be set: the kernel sets them when the
#   reply direction is given as that of an untranslated flow, with the translations beside it (CTA_NAT_SRC, CTA_NAT_DST; -g and -n).
# Versions: Linux 6.18 (the machine's own), conntrack-tools 1.4.7, nftables 1.0.6, 2026-11-30.
# Source: net/netfilter/nf_conntrack_netlink.c: ctnetlink_create_conntrack makes the entry of both tuples as they are, and
#   ctnetlink_setup_nat looks at the two attributes alone.
# Why it matters: whoever brings flows to another machine, or back after a flush, sees them in the list, and each of them is broken.
set -euo pipefail

work=$(mktemp --directory)
name=restored-$$
trap 'ip netns delete "$name" 2>/dev/null || true; rm -rf "$work"' EXIT
ip netns add "$name"
ip -n "$name" link set lo up

# Somebody who asks for the state switches tracking on; the chain of type nat, which is empty, has translations done.
ip netns exec "$name" nft -f - <<'NFT'
table ip seen {
    counter dialled { }
    counter translated { }
    chain tracked { type filter hook output priority 0; ct state new; }
    chain nat { type nat hook output priority -100; }
    chain arrived {
        type filter hook input priority 0
        ip daddr 127.0.0.9 udp dport 1009 counter name dialled drop
        ip daddr 127.0.0.7 udp dport 1007 counter name translated drop
    }
}
NFT

# send HOW: restores the flow 127.0.0.1:1001 → 127.0.0.9:1009, which goes to 127.0.0.7:1007, and sends a packet of it.
send() {
    local how=$1 listed
    shift
    ip netns exec "$name" conntrack -I --proto udp --timeout 60 --orig-src 127.0.0.1 --orig-port-src 1001 --orig-dst 127.0.0.9 --orig-port-dst 1009 "$@" >/dev/null 2>&1
    listed=$(ip netns exec "$name" conntrack -L --proto udp 2>/dev/null | grep --only-matching 'src=.*dport=[0-9]*')
    ip netns exec "$name" nft reset counters >/dev/null
    ip netns exec "$name" perl -MSocket -e '
        socket(S, PF_INET, SOCK_DGRAM, 0) && bind(S, sockaddr_in(1001, inet_aton("127.0.0.1"))) or die $!;
        send(S, "hello", 0, sockaddr_in(1009, inet_aton("127.0.0.9"))) or die $!'
    echo "$how:"
    echo "  listed ${listed//\[UNREPLIED\] /}"
    for counter in dialled translated; do
        echo "  arrived $counter: $(ip netns exec "$name" nft list counter ip seen "$counter" | awk '/packets/ { print $2 }')"
    done
    ip netns exec "$name" conntrack -F >/dev/null 2>&1
}

{
    send "with the directions that are listed" --reply-src 127.0.0.7 --reply-port-src 1007 --reply-dst 127.0.0.1 --reply-port-dst 1001
    send "with the translation" --dst-nat 127.0.0.7:1007
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
with the directions that are listed:
  listed src=127.0.0.1 dst=127.0.0.9 sport=1001 dport=1009 src=127.0.0.7 dst=127.0.0.1 sport=1007 dport=1001
  arrived dialled: 1
  arrived translated: 0
with the translation:
  listed src=127.0.0.1 dst=127.0.0.9 sport=1001 dport=1009 src=127.0.0.7 dst=127.0.0.1 sport=1007 dport=1001
  arrived dialled: 0
  arrived translated: 1
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
