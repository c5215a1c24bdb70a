#!/bin/bash
# The reset that the kernel sends for a listening socket has that socket's owner: `meta skuid` takes it for what a process sends.
#
# Expected: resets and errors that the kernel makes of itself belong to no socket, so that nft's `meta skuid` and iptables' owner match pass
#   them by, as they do for a port where nobody listens.
# Found: a segment that belongs to no connection, as after conntrack was flushed, and comes to a port with a listener is answered with a
#   reset that has the listener's owner. Its mark is the incoming packet's where fwmark_reflect is on, not the listener's.
# Versions: Linux 6.18, nft 1.0.6, Python 3.11, 2026-11-29. On Debian's Linux 6.1 they have no owner either way.
# Source: skb_set_owner_edemux() in ip_send_unicast_reply(), net/ipv4/ip_output.c, called by tcp_v4_send_reset().
# Why it matters: an output filter that keeps processes of an owner from sending also swallows the resets that their former clients wait
#   for, who then hang until they give up; and whether it does depends on whether somebody listens.
set -euo pipefail

netns=reset-$$
ip netns add "$netns"
trap 'ip netns delete "$netns"' EXIT
ip -n "$netns" link set lo up
ip netns exec "$netns" nft -f - <<'NFT'
table ip resets {
    counter of_a_process { }
    counter of_the_kernel { }
    chain output {
        type filter hook output priority filter
        tcp flags & rst == rst meta skuid >= 0 counter name of_a_process accept
        tcp flags & rst == rst counter name of_the_kernel
    }
}
NFT

# acknowledge WHERE: a segment of no connection, to a port with a listener, or to one without.
acknowledge() {
    ip netns exec "$netns" python3 - "$1" <<'PYTHON'
import socket, struct, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
port = listener.getsockname()[1] if sys.argv[1] == "listener" else 9
head = struct.pack("!HHIIBBHHH", 40000, port, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
pseudo = socket.inet_aton("127.0.0.1") * 2 + struct.pack("!BBH", 0, 6, len(head))
total = sum(struct.unpack(f"!{(len(pseudo) + len(head)) // 2}H", pseudo + head))
total = (total & 0xFFFF) + (total >> 16)
checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.sendto(head[:16] + struct.pack("!H", checksum) + head[18:], ("127.0.0.1", 0))
PYTHON
}

packets() { ip netns exec "$netns" nft list counter ip resets "$1" | awk '/packets/ { print $2 }'; }

acknowledge nobody
echo "nobody listens: resets with an owner $(packets of_a_process), without $(packets of_the_kernel)"
[ "$(packets of_a_process) $(packets of_the_kernel)" = "0 1" ]
acknowledge listener
echo "somebody listens: resets with an owner $(packets of_a_process), without $(packets of_the_kernel)"
[ "$(packets of_a_process) $(packets of_the_kernel)" = "1 1" ]
