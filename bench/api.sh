#!/usr/bin/env bash
# Is the dashboard still fluent while the sensor can't keep up? Fills a store, floods an interface, and asks what the
# dashboard asks, over HTTPS with a token, one request after the other as one page does. Prints p50, p95 and the
# longest of each route with the sensor idle and with it saturated, what it lost meanwhile, and the load of the machine.
# No figure makes this fail.
#
#   RATEL_EVE      a file of EVE lines, plain or .zst; their times are spread over the last DAYS days
#   RATEL_CAPTURE  a capture to flood with; several may flow at once (FLOODS, 1)
#   RATEL_RULES    a file of rules
#   EVENTS (1000000), DAYS (6), ROUNDS (40): as the names say
#   RATEL          a release binary (built where it is missing)
# Needs root, ip and tcpreplay. Works in a network namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in ip tcpreplay python3 curl zstd; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is missing" >&2; exit 0; }
done
for name in RATEL_EVE RATEL_CAPTURE RATEL_RULES; do
    [ -f "${!name:-}" ] || { echo "not measured: $name names no file" >&2; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: only root may make network namespaces" >&2; exit 0; }
ratel=${RATEL:-target/release/ratel}
[ -x "$ratel" ] || cargo build --release --workspace --locked -q --bin ratel

space=ratel-api-bench-$$
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
up=
floods=()
finish() {
    for flood in "${floods[@]}"; do kill "$flood" 2>/dev/null || true; done
    [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true
    ip netns del "$space" 2>/dev/null || true
    [ -n "${WORK:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

cat >"$work/ratel.yaml" <<YAML
data_dir: $work/data
rules: {files: [$RATEL_RULES]}
sensor: {interfaces: [{name: tap}]}
respond: {mode: observe}
console:
  socket: $work/ratel.sock
  monitor: null
  web: {listen: "127.0.0.1:9443"}
YAML

# Events of the last days, so that what is asked for is there.
if [ ! -d "$work/data/store" ]; then
    case $RATEL_EVE in *.zst) zstd -dcq "$RATEL_EVE" ;; *) cat "$RATEL_EVE" ;; esac |
        head -n "${EVENTS:-1000000}" | python3 -c '
import re, sys, time
events, days = int(sys.argv[1]), float(sys.argv[2])
own = re.compile(r"\"timestamp\":\"[^\"]*\"")
first, step = time.time() - days * 86400, days * 86400 / events
for n, line in enumerate(sys.stdin):
    at = first + n * step
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%06d+0000" % (at % 1 * 1e6)
    sys.stdout.write(own.sub("\"timestamp\":\"" + text + "\"", line, 1))
' "${EVENTS:-1000000}" "${DAYS:-6}" | "$ratel" store import -c "$work/ratel.yaml" - || true
fi

ip netns add "$space"
inside() { ip netns exec "$space" "$@"; }
inside sh -ec 'for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done
    ip link set lo up; ip link add wire mtu 65535 type veth peer name tap mtu 65535; ip link set wire up; ip link set tap up'
ip netns exec "$space" "$ratel" up -c "$work/ratel.yaml" >"$work/up.log" 2>&1 &
up=$!
until inside curl -sk https://127.0.0.1:9443/api/v1/auth/methods 2>/dev/null | grep -q '"password":true'; do
    kill -0 "$up" 2>/dev/null || { tail "$work/up.log" >&2; exit 1; }
    sleep 0.2
done
at_socket() { curl -s --unix-socket "$work/ratel.sock" "http://ratel/api/v1/$1" "${@:2}"; }
"$ratel" users add bench --role admin -c "$work/ratel.yaml" >/dev/null 2>&1 || true
token=$("$ratel" tokens add bench --owner bench --role admin -c "$work/ratel.yaml" | grep -o 'ratel_[0-9a-f]*_[A-Za-z0-9_-]*')
until at_socket rules?limit=1 | grep -q '"total"'; do sleep 0.5; done

cat >"$work/ask.py" <<'PYTHON'
import http.client, json, os, ssl, sys, time
token, rounds = sys.argv[1], int(sys.argv[2])
context = ssl._create_unverified_context()
door = http.client.HTTPSConnection("127.0.0.1", 9443, context=context)
def ask(method, path, body=None):
    headers = {"X-Api-Key": token}
    if body is not None:
        headers["Content-Type"], body = "application/json", json.dumps(body)
    door.request(method, "/api/v1/" + path, body, headers)
    answer = door.getresponse()
    return answer.status, answer.read()
def first(path, *keys):
    found = json.loads(ask("GET", path)[1]).get("items") or []
    for key in (0, *keys):
        try: found = found[key]
        except (LookupError, TypeError): return None
    return found
event, incident = first("events?q=event_type:alert&limit=1", "id"), first("incidents?limit=1", "incident", "id")
host = first("hosts?since=1d&limit=1", "address") or "192.0.2.1"
rule = first("rules?limit=1", "sid") or 1
routes = [("GET", path, None) for path in (
    "status", "auth/me", "overview?since=1h", "overview?since=1d",
    "incidents?status=open,acknowledged&limit=100", f"incidents/{incident}", f"incidents/{incident}/timeline",
    f"incidents/{incident}/events?limit=100", "events?limit=100", "events?q=event_type:alert&since=1d&limit=100",
    "events?q=src_ip:10.0.0.0/8&limit=100", f"events/{event}", f"events/{event}/context",
    "events/histogram?since=1d", "events/histogram?q=event_type:alert&since=7d", "events/fields",
    "events/values?field=event_type", "events/values?field=alert.signature&prefix=E",
    "hosts?since=1d&limit=100", f"hosts/{host}?since=7d", "rules?limit=100", "rules?order=hits&limit=100", f"rules/{rule}",
    "actions?limit=100", "silences", "receivers", "queries", "health/series?metric=inspected&since=1h",
)] + [("POST", "silences/preview", {"query": f"src_ip:{host}", "kind": "silence", "days": 7})]
slow = 0
for method, path, body in routes:
    if "None" in path: continue
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        status, _ = ask(method, path, body)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    p95 = times[max(0, int(len(times) * 0.95) - 1)]
    slow += p95 >= 100
    print(f"{path.replace('None', '-')[:58]:58} {status} p50 {times[len(times)//2]:7.1f}  p95 {p95:7.1f}  longest {times[-1]:7.1f} ms")
print(f"routes with p95 of 100 ms or more: {slow}; load average {' '.join(open('/proc/loadavg').read().split()[:3])}")
PYTHON
counters() { at_socket status | python3 -c 'import json, sys; c = json.load(sys.stdin)["counters"]; print({k: v for k, v in c.items() if any(w in k for w in ("inspected", "drop", "received", "left"))})'; }

echo "== the sensor has nothing to do; $(at_socket events?limit=1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["total"])') events"
inside python3 "$work/ask.py" "$token" "${ROUNDS:-40}"
echo "== the sensor is saturated"
for _ in $(seq "${FLOODS:-1}"); do
    ip netns exec "$space" tcpreplay --topspeed --loop=100000 --preload-pcap -i wire "$RATEL_CAPTURE" >"$work/sent" 2>&1 &
    floods+=($!)
done
sleep 5
echo "before: $(counters)"
inside python3 "$work/ask.py" "$token" "${ROUNDS:-40}"
echo "after:  $(counters)"
top -b -n 1 -H -p "$up" | sed -n '7,16p'
