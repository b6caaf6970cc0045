#!/bin/bash
# Builds the fuzzers (preset asan: address and undefined sanitizers) and runs them for SECONDS in all: tools/fuzz.sh 60
# `make test` runs each for a third of a minute as the tests fuzz.*; this is for longer runs.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
tools/build.sh asan fuzzers
count=$(ls build/asan/bin/*_fuzz | wc -l)
each=$(( seconds / count > 0 ? seconds / count : 1 ))
for fuzzer in build/asan/bin/*_fuzz; do
  name=$(basename "$fuzzer" _fuzz)
  found=build/asan/found/$name
  mkdir -p "$found"
  echo "[fuzz] $name for $each s"
  "$fuzzer" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$name" > "$found.log" 2>&1 ||
    { tail -40 "$found.log"; echo "fuzz: $name found something; its input is $found-*"; exit 1; }
  grep stat::number_of_executed "$found.log" || true
done
