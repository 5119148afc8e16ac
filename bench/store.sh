#!/usr/bin/env bash
# The embedded store: events a second while it is filled, bytes on disk against the EVE lines, times of 20 queries.
#
#   RATEL_EVE     a file of EVE lines, plain or .zst; repeated with other times, flows, ports and long names
#   RATEL_EVENTS  how many events (default 5000000)
#   RATEL_STORE   a folder on the disk to measure (default: one that is made and removed)
# What is missing is said. No figure makes this fail.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -f "${RATEL_EVE:-}" ]; then
    echo "RATEL_EVE names no file of EVE lines; \`ratel read -l DIR CAPTURES\` makes one" >&2
    exit 0
fi
events=${RATEL_EVENTS:-5000000}
work=${RATEL_STORE:-$(mktemp -d)}
[ -n "${RATEL_STORE:-}" ] || trap 'rm -rf "$work"' EXIT

cargo build --release --locked -q -p store --example measure
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

repeat() {
    python3 - "$1" "$events" <<'PYTHON'
import calendar, random, re, subprocess, sys, time
source, wanted = sys.argv[1], int(sys.argv[2])
if source.endswith(".zst"):
    text = subprocess.run(["zstd", "-dcq", source], capture_output=True, check=True).stdout.decode()
else:
    text = open(source, encoding="utf-8").read()
lines = text.splitlines()
moment = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})\+0000")
flow = re.compile(r'"(flow_id|parent_id)":(\d+)')
port = re.compile(r'"src_port":(\d+)')
name = re.compile(r"[a-z0-9]{20,}")
letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
draw = random.Random(5)

def micros(found):
    *date, fraction = map(int, found.groups())
    return calendar.timegm(tuple(date)) * 1_000_000 + fraction

def eve(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1_000_000)) + ".%06d+0000" % (at % 1_000_000)

now, made, copy = 1_799_000_000_000_000, 0, 0
while made < wanted:
    turn = copy * 7 % 26
    other = str.maketrans(letters + digits, letters[turn:] + letters[:turn] + digits[copy % 10:] + digits[:copy % 10])
    mask = copy * 0x9E3779B97F4A7 & (1 << 50) - 1
    for line in lines[: wanted - made]:
        now += int(draw.expovariate(0.001))
        first = moment.search(line)
        shift = now - micros(first) if first else 0
        line = moment.sub(lambda found: eve(max(micros(found) + shift, 0)), line)
        if copy:
            line = flow.sub(lambda f: '"%s":%d' % (f[1], int(f[2]) ^ mask), line)
            line = name.sub(lambda f: f[0].translate(other), line)
            line = port.sub(lambda f: '"src_port":%d' % ((int(f[1]) - 1024 + copy * 7919) % 64512 + 1024) if int(f[1]) >= 1024 else f[0], line)
        print(line)
        made += 1
    copy += 1
PYTHON
}

# Made first: the generator is slower than the store.
repeat "$RATEL_EVE" | zstd -q -3 -T0 -f -o "$work/events.zst"
"$target/release/examples/measure" "$work/store" "$work/events.zst"
