#!/usr/bin/env bash
# Runs the fuzz targets for some seconds each, one after the other: fuzz.sh SECS [TARGET...]
# What a run learns is kept in fuzz/target/corpus; what breaks a target lands in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."
secs=${1:-60}
shift || true

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # names of targets have no spaces
    set -- $(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)
fi
# No address sanitizer: none of our code is unsafe, and without it twice as much is tried.
cargo +nightly fuzz build -s none ${FUZZ_BUILD_FLAGS:-}
failed=()
for target in "$@"; do
    learnt=fuzz/target/corpus/$target
    mkdir -p "$learnt" "fuzz/regressions/$target"
    echo "== $target"
    cargo +nightly fuzz run -s none ${FUZZ_BUILD_FLAGS:-} "$target" \
        "$learnt" "fuzz/corpus/$target" "fuzz/regressions/$target" -- \
        -max_total_time="$secs" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 ||
        failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "findings in: ${failed[*]}; the inputs are in fuzz/artifacts" >&2
    exit 1
fi
