#!/usr/bin/env bash
# Ratel beside Suricata on the same capture and rules, then the parts of Ratel by themselves.
#
# The comparison needs `suricata` on the path and
#   RATEL_PARITY   parity.py, the program that runs both and compares
#   RATEL_CAPTURE  a capture to read
#   RATEL_RULES    a file of rules (without it only reading without rules is compared)
# What is missing is said, and the rest is run. No figure makes this fail.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
ratel=$target/release/ratel

missing() {
    echo "not compared with Suricata: $1" >&2
}

compare() {
    echo "== $1"
    shift
    python3 "$RATEL_PARITY" "$@" "$RATEL_CAPTURE" || missing "the comparison ended with status $?"
}

if ! command -v suricata >/dev/null; then
    missing "there is no suricata on the path"
elif [ ! -f "${RATEL_PARITY:-}" ]; then
    missing "RATEL_PARITY names no parity.py"
elif [ ! -f "${RATEL_CAPTURE:-}" ]; then
    missing "RATEL_CAPTURE names no capture"
elif [ ! -x "$ratel" ]; then
    missing "$ratel is not built; \`make build\` builds it"
else
    compare "without rules" --engine "$ratel read"
    if [ -f "${RATEL_RULES:-}" ]; then
        compare "with rules" --engine "$ratel read" --rules "$RATEL_RULES"
        compare "with rules, nothing cached" --engine "$ratel read --no-cache" --rules "$RATEL_RULES" -n 1
    else
        missing "RATEL_RULES names no file of rules"
    fi
fi

cargo bench --locked -p engine --benches
