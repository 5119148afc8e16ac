#!/usr/bin/env bash
# Holds a running Ratel against its own description (docs/openapi.json): schemathesis asks every operation with what may be and what may
# not be, with a token of each role, for SECS seconds in all (default 600). No 5xx, no status and no answer that the
# description does not know, nothing wrong taken and nothing right refused, or this fails.
#
#   RATEL    the binary (default: target/debug/ratel, built if it is missing)
#   RATEL_ST a folder that keeps schemathesis' Python packages (default: target/schemathesis)
#   ROLES    roles and their share of the time (default: admin:5 responder:2 analyst:1 viewer:1 ingest:1)
# Needs root, ip and Python's venv. Ratel, its firewall and its attacks stay inside a network namespace of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD/scripts/schemathesis
secs=${SECS:-600}
roles=${ROLES:-admin:5 responder:2 analyst:1 viewer:1 ingest:1}
kept=${RATEL_ST:-$PWD/target/schemathesis}
version=4.32.5

for tool in ip python3 curl; do
  command -v "$tool" >/dev/null || { echo "not tested: $tool is missing" >&2; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "not tested: only root may make network namespaces" >&2; exit 0; }
ratel=${RATEL:-$PWD/target/debug/ratel}
[ -x "$ratel" ] || cargo build --workspace --locked --bin ratel
if ! "$kept/bin/schemathesis" --version 2>/dev/null | grep -q "$version"; then
  python3 -m venv "$kept" && "$kept/bin/pip" install -q "schemathesis==$version"
fi

space=ratel-st-$$
work=$(mktemp -d)
up=
finish() {
  [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true
  ip netns del "$space" 2>/dev/null || true
  [ -n "${KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
trap "exit 1" INT TERM

ip netns add "$space"
inside() { ip netns exec "$space" "$@"; }
inside sh -ec 'ip link set lo up; ip link add wire type veth peer name tap; ip link set wire up; ip link set tap up
  ip addr add 203.0.113.1/24 dev tap'

cat > "$work/ratel.yaml" <<YAML
data_dir: $work/data
rules: {files: [$PWD/examples/example.rules]}
sensor: {interfaces: [{name: tap}]}
respond: {mode: enforce, playbooks: [$PWD/examples/playbooks.yaml]}
alert:
  receivers: [{name: hook, webhook: {url: "http://127.0.0.1:9/"}}]
console:
  socket: $work/ratel.sock
  web: {listen: "127.0.0.1:9443"}
YAML
RUST_LOG=info,tls=debug ip netns exec "$space" "$ratel" up -c "$work/ratel.yaml" >"$work/up.log" 2>&1 &
up=$!
api=https://127.0.0.1:9443/api/v1
for _ in $(seq 300); do
  inside curl -sk -o /dev/null "$api/auth/methods" && inside curl -sk "$api/auth/methods" | grep -q '"password":true' && break
  kill -0 "$up" 2>/dev/null || { cat "$work/up.log" >&2; exit 1; }
  sleep 0.2
done

# Something to be asked for: an attack on the wire, and the same as a capture.
capture=target/example/example.pcap
[ -f "$capture" ] || make -s example
! command -v tcpreplay >/dev/null || inside tcpreplay -q -i wire "$capture" >"$work/replay.log" 2>&1 || true
at_socket() { curl -s --unix-socket "$work/ratel.sock" "http://ratel/api/v1/$1" "${@:2}"; }
at_socket captures -H 'Content-Type: application/vnd.tcpdump.pcap' --data-binary @"$capture" >/dev/null

"$ratel" openapi >"$work/openapi.json"
shares=0
for pair in $roles; do shares=$((shares + ${pair#*:})); done
failed=0
for pair in $roles; do
  role=${pair%:*}
  "$ratel" users add "st-$role" --role "$([ "$role" = ingest ] && echo viewer || echo "$role")" -c "$work/ratel.yaml" >/dev/null
  token=$("$ratel" tokens add schemathesis --owner "st-$role" --role "$role" -c "$work/ratel.yaml" | grep -o 'ratel_[0-9a-f]*_[A-Za-z0-9_-]*')
  echo "== $role"
  # A stream never ends; a token that is asked to end itself does.
  (cd "$work" && SCHEMATHESIS_HOOKS=ratel_hooks PYTHONPATH="$here" RATEL_TOKEN="$token" \
    ip netns exec "$space" "$kept/bin/schemathesis" --config-file "$here/schemathesis.toml" run \
    "$work/openapi.json" --url "$api" --tls-verify false --max-time $((secs * ${pair#*:} / shares)) \
    --exclude-path /stream --exclude-operation-id delete_tokens_id \
    --continue-on-failure --report json --report-json-path "$work/$role.json" ${MORE:-}) || failed=1
done
echo "== what Ratel said of failures"
grep -cE '"?status"?[=:] ?5[0-9][0-9]' "$work/up.log" || true
grep -E 'panicked|an answer failed' "$work/up.log" | head || true
grep -E 'no handshake|a handshake took too long|connections of one' "$work/up.log" | head || true
curl -s --unix-socket "$work/ratel.sock" http://ratel/metrics | grep refused_connections || true
kill -0 "$up" 2>/dev/null || { echo "Ratel stopped" >&2; failed=1; }
exit "$failed"
