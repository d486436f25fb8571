#!/usr/bin/env bash
# fuzz.sh TARGET: runs a fuzz target for ten seconds from the seeds in the
# project and what longer runs have found. Prints its output in one piece, so that two can run at a time.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$1
seeds=fuzz/corpus-seed/$target
scratch=$(mktemp -d "${log:-${TMPDIR:-/tmp}}/fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/corpus" "$scratch/found"
found=fuzz/corpus-found/$target.tar.gz
if [ -f "$found" ]; then tar -xzf "$found" -C "$scratch/found"; fi

status=0
cargo +nightly fuzz run "$target" "$scratch/corpus" "$scratch/found" $([ -d "$seeds" ] && echo "$seeds") -- \
  -max_total_time=10 -max_len=70000 -verbosity=0 -print_funcs=0 -print_final_stats=1 \
  >"$scratch/output" 2>&1 || status=$?
printf -- '--- fuzz %s\n' "$target"
grep -vE '^(INFO|stat::(new_units|peak|slowest|average))' "$scratch/output" || true
if [ "$status" -ne 0 ]; then
  { printf -- '--- FAILED: fuzz %s\n' "$target"; tail -n 80 "$scratch/output"; } >"${log:-$scratch}/failed-$target"
fi
exit "$status"
