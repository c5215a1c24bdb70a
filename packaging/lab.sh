# The network of the documented example, in network namespaces. Sourced by packaging/demo, after lib.sh.
#
#   node 192.168.12.10 ─── LAN ─── gateway 192.168.12.1 ─┬─ 10.0.0.99      80/UDP
#                                                        ├─ 203.0.113.26   80/TCP
#                                                        └─ 203.0.113.27  443/TCP
#
# Every link is made inside a namespace: the machine's own network is not touched.

LAB=egress-demo
LAB_PROCESSES=() # started by this shell
LAB_HOSTS=(lan node gateway 10.0.0.99 203.0.113.26 203.0.113.27)

# on HOST COMMAND…: not by `ip netns exec`, which makes a private mount namespace, where nobody would see an agent's netns mounts.
on() {
    local host=$1
    shift
    nsenter --net="/run/netns/$LAB-$host" -- "$@"
}

lab_exists() { [ -e "/run/netns/$LAB-node" ]; }

build_lab() {
    local host
    for host in "${LAB_HOSTS[@]}"; do
        ip netns add "$LAB-$host"
        ip -n "$LAB-$host" link set lo up
    done
    ip -n "$LAB-lan" link add lan type bridge
    ip -n "$LAB-lan" link set lan up
    attach node 192.168.12.10/24
    ip -n "$LAB-node" route add default via 192.168.12.1
    attach gateway 192.168.12.1/24
    on gateway sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    add_destination 10.0.0.99 10.0.0.1
    add_destination 203.0.113.26 203.0.113.1
    add_destination 203.0.113.27 203.0.113.1
    serve UDP4-RECVFROM 10.0.0.99 80
    serve TCP4-LISTEN 203.0.113.26 80
    serve TCP4-LISTEN 203.0.113.27 443
}

attach() {
    ip -n "$LAB-$1" link add eth0 type veth peer name "$1" netns "$LAB-lan"
    ip -n "$LAB-lan" link set "$1" master lan up
    ip -n "$LAB-$1" link set eth0 up
    ip -n "$LAB-$1" address add "$2" dev eth0
}

add_destination() {
    local port=to-${1##*.}
    ip -n "$LAB-gateway" link add "$port" type veth peer name eth0 netns "$LAB-$1"
    ip -n "$LAB-gateway" link set "$port" up
    ip -n "$LAB-gateway" address add "$2" peer "$1" dev "$port"
    ip -n "$LAB-$1" link set eth0 up
    ip -n "$LAB-$1" address add "$1" peer "$2" dev eth0
    ip -n "$LAB-$1" route add default via "$2"
}

# A server that answers with the source address it saw.
serve() {
    # shellcheck disable=SC2016 # The variable is socat's.
    setsid nsenter --net="/run/netns/$LAB-$2" -- socat "$1:$3,bind=$2,reuseaddr,fork" SYSTEM:'echo "$SOCAT_PEERADDR"' </dev/null &>/dev/null &
    LAB_PROCESSES+=($!)
}

# Ends what runs in the lab, by process id, and removes it, however much of it there is.
remove_lab() {
    local host pids
    for host in "${LAB_HOSTS[@]}"; do
        [ -e "/run/netns/$LAB-$host" ] || continue
        pids=$(ip netns pids "$LAB-$host" 2>/dev/null) || true
        # shellcheck disable=SC2086 # One word a process.
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
        # An `ip netns add` that was interrupted leaves an empty file.
        ip netns del "$LAB-$host" 2>/dev/null || rm -f "/run/netns/$LAB-$host"
    done
}

# ask TCP|UDP ADDRESS PORT: sends one request. Prints `answered MILLISECONDS SOURCE`, `refused MILLISECONDS` or `silent MILLISECONDS`.
ask() {
    local began=$EPOCHREALTIME ended answer='' status=0
    if ! { exec 3<>"/dev/${1,,}/$2/$3"; } 2>/dev/null; then
        ended=$EPOCHREALTIME
        echo "refused $(elapsed "$began" "$ended")"
        return
    fi
    [ "$1" = TCP ] || echo >&3
    # Not `read`, which takes a datagram's first byte and drops the rest.
    answer=$(timeout 2 head --lines=1 <&3 2>/dev/null) || status=$?
    ended=$EPOCHREALTIME
    exec 3>&-
    case $status in
        0) echo "answered $(elapsed "$began" "$ended") $answer" ;;
        124) echo "silent $(elapsed "$began" "$ended")" ;;
        *) echo "refused $(elapsed "$began" "$ended")" ;;
    esac
}

# await SOURCE TCP|UDP ADDRESS PORT [COMMAND…]: runs COMMAND, then asks until the answer is SOURCE. Prints the milliseconds since
# COMMAND ended.
await() {
    local source=$1 protocol=$2 address=$3 port=$4 began ended result
    shift 4
    [ $# = 0 ] || "$@"
    began=$EPOCHREALTIME
    while ((${EPOCHREALTIME/[.,]/} - ${began/[.,]/} < 15000000)); do
        result=$(ask "$protocol" "$address" "$port")
        ended=$EPOCHREALTIME
        if [[ $result == "answered "*" $source" ]]; then
            elapsed "$began" "$ended"
            return
        fi
        sleep 0.002
    done
    return 1
}

export -f ask await elapsed

# from_node FUNCTION ARGUMENT…: runs one of the functions above as a client on the node.
from_node() { on node timeout 20 bash -c '"$@"' from_node "$@"; }
