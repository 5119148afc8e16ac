#!/usr/bin/env bash
# What watching a host costs: processor time and memory of `ratel up`, idle and at a rate, beside Suricata on
# the same traffic with the same rules. Prints figures and ratios; no figure makes this fail.
#
#   RATEL_CAPTURE  a capture to send
#   RATEL_RULES    a file of rules
# Needs root, ip and tcpreplay; Suricata where it is to be compared. Works in network namespaces of its own.
#   MBPS (100), SECS (30, for each state), WORKERS (1), RATEL: a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in ip tcpreplay; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is missing" >&2; exit 0; }
done
for name in RATEL_CAPTURE RATEL_RULES; do
    [ -f "${!name:-}" ] || { echo "not measured: $name names no file" >&2; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: only root may make network namespaces" >&2; exit 0; }
if [ -z "${RATEL:-}" ]; then
    cargo build --release --locked -q -p ratel
    RATEL=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/ratel
fi

space=host-bench-$$
work=$(mktemp -d)
trap 'ip netns pids "$space" 2>/dev/null | xargs -r kill 2>/dev/null; sleep 1; ip netns del "$space" 2>/dev/null || true; rm -rf "$work"' EXIT
ticks=$(getconf CLK_TCK)

# used PID: processor time of a process so far, milliseconds
used() { awk -v t="$ticks" '{print int(($14 + $15) * 1000 / t)}' "/proc/$1/stat"; }
# resident PID: memory of a process now, MiB
resident() { awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$1/status"; }

# over PID: percent of one processor that a process uses in SECS seconds, and its memory at the end
over() {
    local before after
    before=$(used "$1")
    sleep "${SECS:-30}"
    after=$(used "$1")
    awk -v ms=$((after - before)) -v secs="${SECS:-30}" -v mib="$(resident "$1")" \
        'BEGIN {printf "%.1f %d\n", ms / secs / 10, mib}'
}

# measure NAME READY COMMAND...: READY is what its log says once it captures
measure() {
    local name=$1 ready=$2
    shift 2
    ip netns add "$space"
    ip netns exec "$space" sh -ec 'for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done
        ip link set lo up; ip link add wire mtu 9000 type veth peer name tap mtu 9000
        ip link set wire up; ip link set tap up'
    ip netns exec "$space" "$@" >"$work/$name.log" 2>&1 &
    local process=$!
    for _ in $(seq 600); do grep -q "$ready" "$work/$name.log" && break; sleep 0.2; done
    sleep 2
    local idle busy
    idle=$(over "$process")
    ip netns exec "$space" timeout $((${SECS:-30} + 4)) tcpreplay --mbps="${MBPS:-100}" --loop=1000 \
        --preload-pcap -i wire "$RATEL_CAPTURE" >"$work/sent" 2>&1 &
    local replay=$!
    sleep 2
    busy=$(over "$process")
    wait "$replay" || true
    kill "$process"
    wait "$process" 2>/dev/null || true
    ip netns del "$space"
    echo "$name $idle $busy"
}

cat >"$work/ratel.yaml" <<YAML
data_dir: $work/data
events_file: $work/eve.json
sensor: {interfaces: [tap], workers: ${WORKERS:-1}}
rules: {files: [$RATEL_RULES]}
respond: {playbooks: []}
console: {socket: $work/ratel.sock, monitor: null}
YAML
echo "engine    idle: % of a CPU, MiB    at ${MBPS:-100} Mbit/s: % of a CPU, MiB"
ratel=$(measure ratel capturing "$RATEL" up -c "$work/ratel.yaml")
echo "$ratel"
if command -v suricata >/dev/null; then
    mkdir -p "$work/suricata"
    suricata=$(measure suricata 'Engine started' suricata --af-packet=tap -S "$RATEL_RULES" -l "$work/suricata" \
        -k none --set af-packet.0.threads="${WORKERS:-1}" --set af-packet.0.interface=tap)
    echo "$suricata"
    echo "$ratel $suricata" | awk '{printf "ratel : suricata   idle CPU %.2f, memory %.2f; busy CPU %.2f, memory %.2f\n",
        $2 / ($7 > 0 ? $7 : 1), $3 / $8, $4 / ($9 > 0 ? $9 : 1), $5 / $10}'
fi
