#!/bin/bash
# Without a free descriptor, accept(2) on an empty queue says EMFILE, not EAGAIN: the error does not mean that a client waits.
#
# Expected: a non-blocking listener for which nobody waits answers EAGAIN, whatever else the process lacks; EMFILE is about a connection.
# Found: the kernel takes a descriptor, and then a socket, before it looks into the queue. Of two threads that are woken for one client,
#   one may accept it with the last descriptor, and the other is told EMFILE for nobody. With a client in the queue the answer is the
#   same, the client stays in the queue, and is accepted once a descriptor is free.
# Versions: Linux 6.18, Python 3.11, 2026-11-29. The manual page, accept(2), says nothing of the order.
# Source: __sys_accept4_file() and do_accept() of net/socket.c.
# Why it matters: a server that logs or counts each EMFILE of accept as a client that had to wait tells of clients that there never were;
#   and one that closes a spare descriptor at EMFILE, to accept and hang up on a client, may find that there is none.
set -euo pipefail

found=$(python3 - <<'PYTHON'
import errno, os, resource, socket

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
listener.setblocking(False)
client = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
fillers = []
try:
    while True:
        fillers.append(os.dup(0))
except OSError:
    pass

def accept():
    try:
        listener.accept()[0].close()
        return "accepted"
    except OSError as error:
        return errno.errorcode[error.errno]

empty = accept()
client.connect(listener.getsockname())
waiting = accept()
os.close(fillers.pop())
print(f"nobody waits: {empty}; one waits: {waiting}; with a free descriptor: {accept()}; then: {accept()}")
PYTHON
)
echo "$found"
[ "$found" = "nobody waits: EMFILE; one waits: EMFILE; with a free descriptor: accepted; then: EAGAIN" ]
