#!/usr/bin/env bash
# Wrong and hostile uses of the command line: each ends with one clear line and the right exit status,
# in bounded time and memory.
# Makes its own inputs. usage: scripts/wrong-uses.sh [RATEL]
set -uo pipefail
cd "$(dirname "$0")/.."

ratel=${1:-${CARGO_TARGET_DIR:-target}/debug/ratel}
# Lines of standard error. Only what is wrong with many captures may take more.
most_lines=1
# What each use may take at most.
secs=60
memory_kib=1048576
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# check NAME STATUS WORDS ARGUMENTS...: runs `ratel ARGUMENTS`; standard error must hold WORDS.
check() {
    local name=$1 status=$2 words=$3
    shift 3
    local got lines why=
    (ulimit -v "$memory_kib" && exec timeout "$secs" "$ratel" "$@") \
        >"$dir/stdout" 2>"$dir/stderr" </dev/null
    got=$?
    lines=$(wc -l <"$dir/stderr")
    [ "$got" = "$status" ] || why="exit status $got, $status expected"
    [ "$lines" -le "$most_lines" ] || why="${why:+$why; }$lines lines on standard error"
    [ -z "$words" ] || grep -qF -- "$words" "$dir/stderr" || why="${why:+$why; }standard error does not say \"$words\""
    ! grep -qE 'panicked|RUST_BACKTRACE' "$dir/stderr" || why="${why:+$why; }it panicked"
    told "$name" "$why"
}

told() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $1: $2"
        sed 's/^/    /' "$dir/stderr" | head -5
    fi
}

# One use stands for several checks where it has several sides: all must hold.
all() {
    local name=$1 before_passed=$2 before_failed=$3
    if [ "$failed" -gt "$before_failed" ]; then
        failed=$((before_failed + 1))
        passed=$before_passed
        echo "failed: $name"
    else
        passed=$((before_passed + 1))
    fi
}

# A capture of one UDP packet, and as pcapng, whole and cut short.
packet='\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\x45\0\0\x20\0\x01\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\x04\xd2\x16\x2e\0\x0c\0\0ping'
printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x2e\0\0\0\x2e\0\0\0'"$packet" >"$dir/good.pcap"
section='\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0'
interface='\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\x04\0\x14\0\0\0'
block='\x06\0\0\0\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x2e\0\0\0\x2e\0\0\0'"$packet"'\0\0\x50\0\0\0'
printf "$section$interface$block$block" | head -c 160 >"$dir/cut.pcapng"
printf '\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0' >"$dir/picture.png"
mkdir "$dir/no-captures" "$dir/full"
echo text >"$dir/no-captures/notes.txt"
: >"$dir/empty.pcap"
ln -s /dev/full "$dir/full/eve.json"
echo 'alert udp any any -> any any (msg:"no end; content:"ping"; sid:1;)' >"$dir/quote.rules"
echo 'alert udp any any -> any any (msg:"ping"; content:"ping"; sid:2;)' >>"$dir/quote.rules"
head -c 50000000 /dev/urandom >"$dir/noise.rules"

good=$dir/good.pcap
check 'no such file' 1 'No such file' read "$dir/nowhere.pcap"
check 'a folder without captures' 1 'holds no captures' read "$dir/no-captures"
check 'a picture' 1 'picture.png' read "$dir/picture.png"

p=$passed f=$failed
check 'a capture cut short' 1 'byte' read "$dir/cut.pcapng"
grep -q '^1 packets' "$dir/stdout" || told 'a capture cut short' 'what could be read was not told'
all 'a capture cut short' "$p" "$f"

check 'an unknown flag' 2 '--no-such-flag' read --no-such-flag "$good"
check 'a broken filter' 2 'BPF' read "$good" 'tcp port port'

p=$passed f=$failed
check 'a rule with an unclosed quote' 0 'quote.rules:1' read --no-cache -S "$dir/quote.rules" "$good"
grep -q '\[1:2\]' "$dir/stdout" || told 'a rule with an unclosed quote' 'the good rule did not alert'
check 'a rule with an unclosed quote, fatal' 1 'quote.rules:1' read --no-cache --init-errors-fatal -S "$dir/quote.rules" "$good"
all 'a rule with an unclosed quote' "$p" "$f"

p=$passed f=$failed
check 'a log folder that is a file' 1 'good.pcap' read -l "$good" "$good"
[ ! -c /dev/full ] || check 'a full disk' 1 'No space left' read -l "$dir/full" "$good"
all 'a log folder that cannot be written' "$p" "$f"

check 'an empty file' 1 'empty.pcap' read "$dir/empty.pcap"
check '50 MB of noise for rules' 0 'no file of rules' read --no-cache -S "$dir/noise.rules" "$good"

seq 300000 | sed 's/.*/alert ip any any -> any any (sid:&;)/' >"$dir/many.rules"
check 'more rules than any machine wants' 1 'more than 250000 rules' read --no-cache -S "$dir/many.rules" "$good"

# Things without an end, things that lead back, things that grow.
if [ -c /dev/zero ]; then
    check 'rules without an end' 1 'holds more than' read -S /dev/zero "$good"
    check 'a filter without an end' 1 'holds more than' read -F /dev/zero "$good"
    check 'a configuration without an end' 1 'holds more than' read -c /dev/zero "$good"
    check 'a capture without an end' 1 'not a capture file' read /dev/zero
fi
mkdir -p "$dir/loop/a/b"
cp "$good" "$dir/loop/a"
for n in 1 2 3 4 5 6 7 8 9; do ln -s ../.. "$dir/loop/a/b/back-$n"; done
mkfifo "$dir/loop/pipe.pcap"
p=$passed f=$failed
check 'a folder with ways back and a pipe' 0 '' read "$dir/loop"
grep -q '^1 packets' "$dir/stdout" || told 'a folder with ways back and a pipe' 'the capture was not read once'
all 'a folder with ways back and a pipe' "$p" "$f"

# A pcapng block of zeros that nobody needs: gzip members one after the other are one file.
head -c 1000000 /dev/zero | gzip -9 >"$dir/zeros.gz"
{
    printf "$section"'\x34\x12\0\0\xfc\xff\xff\xff' | gzip
    for n in $(seq 100); do cat "$dir/zeros.gz"; done >"$dir/more.gz"
    for n in $(seq 15); do cat "$dir/more.gz"; done
} >"$dir/bomb.pcapng.gz"
check 'a bomb' 1 'a bomb' read "$dir/bomb.pcapng.gz"

printf "$section$interface"'\x06\0\0\0\xfc\xff\xff\xff' >"$dir/huge.pcapng"
check 'a block of 4 GB' 1 '(at byte 48)' read "$dir/huge.pcapng"
head -c 24 "$good" >"$dir/huge.pcap"
printf '\x01\0\0\0\0\0\0\0\0\0\x40\x06\0\0\x40\x06' >>"$dir/huge.pcap"
check 'a packet of 100 MB' 1 'more than' read "$dir/huge.pcap"

p=$passed f=$failed
printf 'alert udp any any -> any any (msg:"long"; content:"%060000d"; sid:1;)\n' 0 >"$dir/long.rules"
tail -1 "$dir/quote.rules" >>"$dir/long.rules"
check 'a rule with 60 kB of content' 0 '' read --no-cache -S "$dir/long.rules" "$good"
grep -q '\[1:2\]' "$dir/stdout" || told 'a rule with 60 kB of content' 'the other rule did not alert'
all 'a rule with 60 kB of content' "$p" "$f"

mkdir "$dir/many"
for n in $(seq 300); do head -c 50 "$good" >"$dir/many/$n.pcap"; done
most_lines=6
check 'hundreds of captures cut short' 1 '300 captures' read "$dir/many"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
