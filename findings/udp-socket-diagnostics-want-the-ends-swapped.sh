#!/bin/bash
# Socket diagnostics find a UDP socket only by its two ends the other way round; a TCP socket they find as it is.
#
# Expected: inet_diag takes a socket's own address as idiag_src and its peer's as idiag_dst, for either protocol, as its answers have them
#   and as sock_diag(7) names them ("source", "destination").
# Found: an exact question about UDP is answered for the socket that would *receive* a packet from idiag_src to idiag_dst. Asked as for
#   TCP, it says ENOENT, or names another process where one has that port. The answer has the ends the right way round.
# Versions: Linux 6.18, Python 3.11, 2026-11-29.
# Source: udp_dump_one() of net/ipv4/udp_diag.c; inet_diag_find_one_icsk() of inet_diag.c.
# Why it matters: who tells whose connection it was (audit, per-process firewalls) blames nobody, or the server for what its client sent.
set -euo pipefail

modprobe --all inet_diag tcp_diag udp_diag 2>/dev/null || true
unshare --net bash -c 'ip link set lo up && exec python3 -' <<'PYTHON'
import errno, os, socket, struct, sys

LOCAL, REMOTE = ("127.0.0.1", 20001), ("127.0.0.1", 20002)
NOCOOKIE = 0xFFFFFFFF
diagnostics = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)


def find(protocol, source, destination):
    """The inode of the socket that is found, or None."""
    ends = struct.pack("!HH16s16s", source[1], destination[1], socket.inet_aton(source[0]), socket.inet_aton(destination[0]))
    request = struct.pack("=BBBBI", socket.AF_INET, protocol, 0, 0, NOCOOKIE) + ends + struct.pack("=III", 0, NOCOOKIE, NOCOOKIE)
    diagnostics.send(struct.pack("=IHHII", 16 + len(request), 20, 1, 1, 0) + request)
    answer = diagnostics.recv(65536)
    if struct.unpack_from("=H", answer, 4)[0] == 2:
        error = -struct.unpack_from("=i", answer, 16)[0]
        assert error == errno.ENOENT, os.strerror(error)
        return None
    return struct.unpack_from("=I", answer, 16 + 68)[0]


def words(protocol, mine):
    inode = os.fstat(mine.fileno()).st_ino
    return ["found" if found == inode else "nothing" if found is None else "another socket"
            for found in (find(protocol, LOCAL, REMOTE), find(protocol, REMOTE, LOCAL))]


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(LOCAL)
udp.connect(REMOTE)
listener = socket.create_server(REMOTE)
tcp = socket.socket()
tcp.bind(LOCAL)
tcp.connect(REMOTE)
accepted, _ = listener.accept()

results = {"TCP": words(socket.IPPROTO_TCP, tcp), "UDP": words(socket.IPPROTO_UDP, udp)}
for name, (own, swapped) in results.items():
    print(f"{name}: its own end as the source: {own}; its own end as the destination: {swapped}")
sys.exit(0 if results == {"TCP": ["found", "another socket"], "UDP": ["nothing", "found"]} else "not so any more")
PYTHON
