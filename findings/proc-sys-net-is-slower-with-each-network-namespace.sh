#!/bin/bash
# Reading a sysctl of one network namespace by its path takes longer with each other namespace in which somebody has read it too.
#
# Expected: /proc/sys/net/ipv4/ip_forward of a namespace is found in the time of any file, however many namespaces there are.
# Found: with 500 others it takes several times as long, for every reader in every namespace. All namespaces share /proc/sys/net; below
#   it each has an "ipv4" of its own, all of one name under one parent, and the kernel's cache of names goes through them one by one. A
#   reader that has its own "ipv4" open, and asks from there (openat), pays nothing.
# Versions: Linux 6.18, Python 3.11, 2026-11-29.
# Source: proc_sys_compare() of fs/proc/proc_sysctl.c, and d_lookup() of fs/dcache.c.
# Why it matters: an agent that looks at the sysctls of hundreds of containers or routers pays for the square of their number.
set -euo pipefail

python3 - <<'PYTHON'
import ctypes, os, time

libc = ctypes.CDLL(None, use_errno=True)
SETTING = "ip_forward"


def enter_new_namespace():
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    kept.append(os.open("/proc/self/ns/net", os.O_RDONLY))
    os.close(os.open(f"/proc/sys/net/ipv4/{SETTING}", os.O_RDONLY))


def microseconds(path, directory=None):
    def once():
        begun = time.perf_counter()
        for _ in range(1000):
            os.close(os.open(path, os.O_RDONLY, dir_fd=directory))
        return time.perf_counter() - begun

    return min(once() for _ in range(7)) * 1000


kept = []
enter_new_namespace()
ipv4 = os.open("/proc/sys/net/ipv4", os.O_RDONLY | os.O_DIRECTORY)
alone = microseconds(f"/proc/sys/net/ipv4/{SETTING}")
for _ in range(500):
    enter_new_namespace()
libc.setns(kept[0], 0x40000000)
by_path = microseconds(f"/proc/sys/net/ipv4/{SETTING}")
from_directory = microseconds(SETTING, ipv4)
print(f"by path, alone: {alone:.1f} us; beside 500 namespaces: {by_path:.1f} us; from an open directory there: {from_directory:.1f} us")
raise SystemExit(0 if by_path > 3 * alone and from_directory < 2 * alone else "not so any more")
PYTHON
