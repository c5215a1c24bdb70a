#!/bin/bash
# libnftables reports "Interrupted system call" for a transaction that the kernel has committed, when a signal comes at its end.
#
# Expected: nft_run_cmd_from_buffer() returns other than 0 when the transaction was refused, and then nothing of it is in the ruleset: an
#   nf_tables transaction is all or nothing. A signal for which the program has a handler does not change that.
# Found: after the commit libnftables looks with select(2) whether the kernel has more to say, and takes EINTR of that call for the outcome
#   of the transaction. The signal needs no more than a handler; select(2) is not restarted by SA_RESTART either.
# Versions: Linux 6.18, libnftables 1.0.6, Python 3.11, 2026-11-29.
# Source: mnl_batch_talk() of src/mnl.c; signal(7).
# Why it matters: a program that does again what "was refused" gets "File exists" for it, and one that gives up leaves behind what it thinks
#   is not there. Signals have to be blocked in the thread while libnftables runs.
set -euo pipefail

work=$(mktemp --directory)
node=interrupted-$$
trap 'ip netns delete "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
ip netns add "$node"

cat >"$work/try.py" <<'PY'
import ctypes, signal

nft = ctypes.CDLL("libnftables.so.1")
nft.nft_ctx_new.restype = ctypes.c_void_p
nft.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
nft.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
context = ctypes.c_void_p(nft.nft_ctx_new(0))
nft.nft_ctx_buffer_output(context)
nft.nft_ctx_buffer_error(context)

def run(command):
    result = nft.nft_run_cmd_from_buffer(context, command.encode())
    return result, nft.nft_ctx_get_output_buffer(context).decode(), nft.nft_ctx_get_error_buffer(context).decode()

signal.signal(signal.SIGALRM, lambda *_: None)

# Until a signal comes in that moment: each of these transactions creates a table, and is refused if it is there.
def interrupt():
    for number in range(20000):
        signal.setitimer(signal.ITIMER_REAL, 0.00005 + number % 200 * 0.000005)
        result, _, error = run(f"create table ip t{number}")
        signal.setitimer(signal.ITIMER_REAL, 0)
        if result != 0:
            return number, error
        run(f"delete table ip t{number}")
    return None, "never refused"

number, error = interrupt()
print("created:", "Interrupted system call" if "Interrupted system call" in error else error)
print("there:", "yes" if f"table ip t{number}\n" in run("list tables")[1] else "no")
print("created again:", "File exists" if "File exists" in run(f"create table ip t{number}")[2] else "otherwise")

# The same number of attempts with the signal blocked.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
run("flush ruleset")
print("with the signal blocked:", interrupt()[1])
PY

ip netns exec "$node" python3 "$work/try.py" | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
created: Interrupted system call
there: yes
created again: File exists
with the signal blocked: never refused
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
