#!/bin/bash
# `nft delete element` with a key and a value deletes the element of that key, also when its value is another one.
#
# Expected: as with `nft add element`, which refuses a key that is there with another value (File exists), the pair that is named is what
#   is meant: an element with another value is not that one, and the deletion fails with ENOENT.
# Found: key and value are parsed and type-checked, the value is sent to the kernel, and there it is not looked at. So it is in maps of
#   single keys, of ranges, and of verdicts.
# Versions: Linux 6.18, nftables 1.0.6, 2026-11-28.
# Source: nft_hash_deactivate() and its kind of net/netfilter/nft_set_*.c compare keys.
# Why it matters: two programs, or two versions of a plan, that exchange an element `80 : old` for `80 : new` in two transactions race:
#   the later deletion of `80 : old` takes `80 : new` away. Who deletes has to list first and to send it under the generation that was
#   listed.
set -euo pipefail

work=$(mktemp --directory)
node=mapped-$$
trap 'ip netns delete "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
ip netns add "$node"
nft() { ip netns exec "$node" nft "$@"; }

nft -f - <<'NFT'
table ip example {
    map single { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.1 } }
    map ranges { type inet_service : ipv4_addr; flags interval; elements = { 80-90 : 192.0.2.1 } }
    map verdicts { type inet_service : verdict; elements = { 80 : accept } }
}
NFT

# try MAP ELEMENT: says whether the element with that value can be added and deleted, and what is left.
try() {
    local map=$1 element=$2 added=added deleted=deleted
    nft add element ip example "$map" "{ $element }" 2>"$work/error" || added="not added ($(grep -om1 'File exists' "$work/error"))"
    nft delete element ip example "$map" "{ $element }" 2>"$work/error" || deleted="not deleted ($(grep -om1 'No such file' "$work/error"))"
    echo "$map, $element: $added, $deleted, left: $(nft list map ip example "$map" | grep -c elements || true)"
}

{
    try single "80 : 192.0.2.99"
    try ranges "80-90 : 192.0.2.99"
    try verdicts "80 : drop"
} | tee "$work/printed"

cat >"$work/expected" <<'TEXT'
single, 80 : 192.0.2.99: not added (File exists), deleted, left: 0
ranges, 80-90 : 192.0.2.99: not added (File exists), deleted, left: 0
verdicts, 80 : drop: not added (File exists), deleted, left: 0
TEXT
diff "$work/expected" "$work/printed" || { echo "the behaviour has changed"; exit 1; }
