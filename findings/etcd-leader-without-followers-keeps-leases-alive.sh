#!/bin/bash
# A leader of etcd that has lost its followers answers keep-alives of a lease for two seconds more.
#
# Expected: who is told that its lease has its full time again holds what the lease stands for.
# Found: keep-alives are answered from the leader's memory, without a word to the followers. One that has lost them says `TTL: 2` until it
#   notices, one election timeout (1 s) to two later; the others may have another leader by then, who has ended the lease. A read is ordered
#   with all writes and is not answered meanwhile.
# Versions: etcd 3.4.23-4+b4 of Debian 12, 2026-11-29. Source: LeaseRenew() of etcdserver/v3_server.go, which asks no quorum.
# Why it matters: a fence that is extended by keep-alives alone can be open on two nodes. It takes a read of a key of the lease as well.
set -euo pipefail

directory=$(mktemp -d)
members=()
trap 'kill -KILL "${members[@]}" 2>/dev/null || true; wait "${members[@]}" 2>/dev/null || true; rm -rf "$directory"' EXIT
cd "$directory"
apt-get download -qq etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
for package in ./*.deb; do
    dpkg-deb --extract "$package" .
done
PATH=$directory/usr/bin:$PATH
all=m0=http://127.0.0.1:33100,m1=http://127.0.0.1:33101,m2=http://127.0.0.1:33102
for i in 0 1 2; do
    etcd --name m$i --data-dir "$directory/m$i" --log-level error --initial-cluster $all \
        --listen-client-urls http://127.0.0.1:3300$i --advertise-client-urls http://127.0.0.1:3300$i \
        --listen-peer-urls http://127.0.0.1:3310$i --initial-advertise-peer-urls http://127.0.0.1:3310$i >/dev/null 2>&1 &
    members+=($!)
done

leader=
until [ -n "$leader" ]; do
    [ $SECONDS -lt 60 ]
    for i in 0 1 2; do
        status=$(ETCDCTL_API=3 etcdctl --endpoints=127.0.0.1:3300$i endpoint status 2>/dev/null || true)
        [[ $status == *", true,"* ]] && leader=$i
    done
done

url=http://127.0.0.1:3300$leader
lease=$(curl --silent --fail $url/v3/lease/grant --data '{"TTL": 1}' | sed 's/.*"ID":"\([0-9]*\)".*/\1/')
for i in 0 1 2; do
    [ $i = "$leader" ] || kill -STOP "${members[$i]}"
done

read_of=$(curl --silent --max-time 0.3 $url/v3/kv/txn --data '{"success": [{"request_range": {"key": "YQ=="}}]}' || true)
kept=$(curl --silent --max-time 0.3 $url/v3/lease/keepalive --data "{\"ID\": $lease}" | grep --only-matching '"TTL":"2"' || true)
echo "300 ms after it lost its followers the leader answers a read with '$read_of', and a keep-alive with '$kept'"
[ -z "$read_of" ] && [ "$kept" = '"TTL":"2"' ]
