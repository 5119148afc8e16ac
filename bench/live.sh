#!/usr/bin/env bash
# Lossless live? A capture goes at the highest rate that this machine's veth carries through one worker,
# once as it is and once through 20 reloads of the rules. Prints what was sent, what came, and where each
# packet that was not inspected was lost; no figure makes this fail.
#
#   RATEL_CAPTURE  a capture to send
#   RATEL_RULES    a file of rules
# Needs root, ip and tcpreplay. Works in a network namespace of its own. For both kinds of load:
#   WORKERS (1), RING_MIB (64), RELOADS (20), LOOPS (1): as the names say; MBPS: a rate instead of the highest.
# Reloads only count as under load while packets are sent: LOOPS has to be large enough for all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in ip tcpreplay; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is missing" >&2; exit 0; }
done
for name in RATEL_CAPTURE RATEL_RULES; do
    [ -f "${!name:-}" ] || { echo "not measured: $name names no file" >&2; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: only root may make network namespaces" >&2; exit 0; }

cargo build --release --locked -q -p sensor --example live
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
space=sensor-bench-$$
work=$(mktemp -d)
trap 'ip netns del "$space" 2>/dev/null || true; rm -rf "$work"' EXIT

rate=${MBPS:+--mbps=$MBPS}
rate=${rate:---topspeed}

# measure NAME RELOADS
measure() {
    echo "== $1"
    ip netns add "$space"
    ip netns exec "$space" sh -ec 'for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done
        ip link add wire mtu 65535 type veth peer name tap mtu 65535
        ip link set wire up; ip link set tap up'
    rm -f "$work/orders"
    mkfifo "$work/orders"
    ip netns exec "$space" "$target/release/examples/live" tap "$RATEL_RULES" "$work/cache" \
        <"$work/orders" >"$work/said" &
    local sensor=$!
    exec 3>"$work/orders"
    until grep -q loaded "$work/said" 2>/dev/null; do sleep 0.1; done
    # The ring is open once it shows a count, which the first look at it brings.
    sleep 1
    ip netns exec "$space" tcpreplay "$rate" --loop="${LOOPS:-1}" --preload-pcap -i wire "$RATEL_CAPTURE" \
        >"$work/sent" 2>&1 &
    local replay=$!
    for _ in $(seq "$2"); do echo reload >&3; done
    wait "$replay" || true
    echo stop >&3
    exec 3>&-
    wait "$sensor"
    sed -n 's/^\(Actual\|Rated\): */sent: /p; s/^\tFailed packets: */not sent: /p' "$work/sent"
    grep -v '^reloaded' "$work/said"
    grep '^reloaded' "$work/said" | tail -1 || true
    local dropped
    dropped=$(ip netns exec "$space" cat /sys/class/net/wire/statistics/tx_dropped)
    echo "dropped between the two ends of the veth: $dropped"
    awk '/^stopped/ { for (i = 2; i <= NF; i++) { split($i, p, "="); v[p[1]] = p[2] }
        lost = v["ring_drops"] + v["filtered"] + v["invalid"] + v["failed"] + v["left_behind"]
        print "in - inspected - counted drops =", v["in"] - v["inspected"] - lost }' "$work/said"
    ip netns del "$space"
}

measure "as it is" 0
measure "through ${RELOADS:-20} reloads" "${RELOADS:-20}"
