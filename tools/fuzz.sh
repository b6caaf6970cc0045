#!/bin/bash
# Builds the fuzzers (address and undefined sanitizers) and runs each for N seconds on its corpus: tools/fuzz.sh 60
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
tools/build.sh fuzz fuzzers
mkdir -p build/fuzz/work
count=$(ls build/fuzz/bin/*_fuzz | wc -l)
each=$(( seconds / count > 0 ? seconds / count : 1 ))
for fuzzer in build/fuzz/bin/*_fuzz; do
  name=$(basename "$fuzzer")
  mkdir -p "build/fuzz/work/$name"
  corpus=tests/fuzz/corpus/${name%_fuzz}
  echo "[fuzz] $name for $each s"
  "$fuzzer" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz/work/$name-" "build/fuzz/work/$name" "$corpus" 2>&1 | grep -E 'stat::number_of_executed|ERROR|SUMMARY|crash|Test unit' || true
  [ "${PIPESTATUS[0]}" = 0 ] || { echo "fuzz: $name found something; its input is under build/fuzz/work"; exit 1; }
done
