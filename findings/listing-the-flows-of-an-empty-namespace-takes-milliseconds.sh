#!/bin/bash
# Listing the connections of a network namespace that has none takes milliseconds by ctnetlink, and a fraction of that by /proc.
#
# Expected: a list costs what is in it; the modern interface (ctnetlink, which conntrack(8) uses) no more than the deprecated file.
# Found: all namespaces share one table. Either way the kernel walks all of its buckets (nf_conntrack_buckets of the first namespace,
#   262,144 on most machines), but ctnetlink takes a lock for each, and the file does not. For an empty namespace that is the whole cost.
# Versions: Linux 6.18, Python 3.11, 2026-11-29.
# Source: ctnetlink_dump_table() of net/netfilter/nf_conntrack_netlink.c, ct_get_next() of nf_conntrack_standalone.c.
# Why it matters: who looks at the flows of a hundred namespaces every ten seconds, as an exporter of metrics does, burns a tenth of a core
#   for nothing. The number of entries (IPCTNL_MSG_CT_GET_STATS) is cheap; ask for that first.
set -euo pipefail

modprobe --all nf_conntrack nf_conntrack_netlink 2>/dev/null || true
unshare --net python3 - <<'PYTHON'
import os, socket, struct, sys, time

NLM_F_REQUEST, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR = 1, 0x300, 3, 2
CT_GET = 1 << 8 | 1

netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)


def by_ctnetlink():
    netlink.send(struct.pack("=IHHIIBBH", 20, CT_GET, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, 0, 0, 0))
    flows = 0
    while True:
        data = netlink.recv(1 << 16)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == NLMSG_ERROR:
                raise OSError("ctnetlink refused")
            if kind == NLMSG_DONE:
                return flows
            flows += 1
            data = data[(length + 3) & ~3:]


def by_file():
    with open("/proc/net/nf_conntrack", "rb") as file:
        return len(file.readlines())


def milliseconds(read):
    def once():
        begun = time.perf_counter()
        assert read() == 0
        return time.perf_counter() - begun

    return min(once() for _ in range(15)) * 1000


if not os.path.exists("/proc/net/nf_conntrack"):
    sys.exit("this kernel is built without the file (CONFIG_NF_CONNTRACK_PROCFS)")
listed, read = milliseconds(by_ctnetlink), milliseconds(by_file)
print(f"no flows: {listed:.2f} ms by ctnetlink, {read:.2f} ms by /proc/net/nf_conntrack")
sys.exit(0 if listed > 10 * read else "not so any more")
PYTHON
