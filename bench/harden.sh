#!/usr/bin/env bash
# What `ratel harden` costs, and what it does against a flood of SYN packets: throughput of one TCP stream,
# connections one after another, and connections during a flood with invented sources, without it and with it.
# Prints; no figure makes this fail. Two network namespaces of its own, nothing leaves them.
#
#   RATEL: the program (default: the release build). SECS (4): of each measurement. FLOOD_US (50): between two SYN packets.
#   SYNCOOKIES (1): the kernel's own setting; 0 shows a service whose queue is all it has.
# Needs root, ip, nft, python3, iperf3 and hping3.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in ip nft python3 iperf3 hping3; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is missing" >&2; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: only root may make network namespaces" >&2; exit 0; }
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
ratel=${RATEL:-$target/release/ratel}
[ -x "$ratel" ] || { echo "not measured: $ratel is not built; \`make build\` builds it" >&2; exit 0; }
secs=${SECS:-4} host=harden-bench-$$-h out=harden-bench-$$-o work=$(mktemp -d) pids=()

tidy() {
    [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
    ip netns del "$host" 2>/dev/null || true
    ip netns del "$out" 2>/dev/null || true
    rm -rf "$work"
}
trap tidy EXIT

ip netns add "$host"
ip netns add "$out"
ip -n "$host" link add eth0 type veth peer name eth0 netns "$out"
for side in "$host 192.0.2.1" "$out 192.0.2.66"; do
    set -- $side
    ip -n "$1" addr add "$2/24" dev eth0
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
done
# Answers to invented sources go nowhere.
ip -n "$out" addr add 192.0.2.200/24 dev eth0
ip -n "$host" route add default via 192.0.2.200
ip netns exec "$host" sysctl -qw net.ipv4.tcp_syncookies="${SYNCOOKIES:-1}"
printf 'data_dir: %s\nharden: {others: {new_per_minute: 0, connections: 0}}\n' "$work" >"$work/ratel.yaml"

cat >"$work/serve.py" <<'PYTHON'
import socket
server = socket.create_server(("", 80), backlog=128)
while True:
    stream, _ = server.accept()
    stream.sendall(b"x")
    stream.close()
PYTHON
cat >"$work/connect.py" <<'PYTHON'
import socket, sys, time
name, secs = sys.argv[1], float(sys.argv[2])
times, failed, end = [], 0, time.monotonic() + secs
while time.monotonic() < end:
    began = time.monotonic()
    try:
        with socket.create_connection(("192.0.2.1", 80), timeout=1) as stream:
            stream.settimeout(1)
            assert stream.recv(1)
        times.append(time.monotonic() - began)
    except (OSError, AssertionError):
        failed += 1
times.sort()
at = lambda share: times[int(share * (len(times) - 1))] * 1e6 if times else float("nan")
print(f"{name}: {len(times) / secs:.0f} connections a second, {failed} failed, "
      f"median {at(.5):.0f} us, p99 {at(.99):.0f} us")
PYTHON
# What one measurement has left in the service's queue is not the next one's.
start() {
    [ ${#pids[@]} = 0 ] || { kill "${pids[@]}"; wait "${pids[@]}" 2>/dev/null || true; }
    ! command -v conntrack >/dev/null || ip netns exec "$host" conntrack -F 2>/dev/null
    ip netns exec "$host" python3 "$work/serve.py" 2>/dev/null & pids=($!)
    ip netns exec "$host" iperf3 -s >/dev/null 2>&1 & pids+=($!)
    sleep 1
}

measure() {
    local bits
    bits=$(ip netns exec "$out" iperf3 -c 192.0.2.1 -t "$secs" -J |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"])')
    python3 -c "print('$1: one stream {:.1f} Gbit/s'.format($bits / 1e9))"
    ip netns exec "$out" python3 "$work/connect.py" "$1" "$secs"
    ip netns exec "$out" timeout "$((secs + 1))" hping3 -q -S -p 80 --rand-source -i "u${FLOOD_US:-50}" 192.0.2.1 >/dev/null 2>&1 &
    local flood=$!
    sleep 1
    ip netns exec "$out" python3 "$work/connect.py" "$1, flooded" "$secs"
    wait "$flood" || true
    echo "$1, flooded: $(ip netns exec "$host" cat /proc/sys/net/netfilter/nf_conntrack_count) tracked," \
        "$(ip netns exec "$host" grep -hc ' 03 ' /proc/net/tcp || true) half open"
}

start
measure without
start
# As most hosts have it, whose own firewall tracks connections.
ip netns exec "$host" nft -f - <<'NFT'
table inet own {
    chain in {
        type filter hook input priority 0; policy accept;
        ct state established accept
    }
}
NFT
measure "without, tracked"
start
ip netns exec "$host" "$ratel" harden apply --yes --config "$work/ratel.yaml"
measure "with"
ip netns exec "$host" "$ratel" harden check --config "$work/ratel.yaml"
ip netns exec "$host" "$ratel" harden undo --config "$work/ratel.yaml"
