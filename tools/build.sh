#!/bin/bash
# Configures (once) and builds one preset: tools/build.sh release [target…]. Quiet when all is well.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
if [ ! -f "build/$preset/build.ninja" ]; then
  mkdir -p "build/$preset"
  cmake --preset "$preset" > "build/$preset/configure.log" 2>&1 || { cat "build/$preset/configure.log"; exit 1; }
fi
started=$SECONDS
echo "[build] $preset"
# Ninja's own progress line on a terminal; on a pipe a line every few seconds is enough, and failures whole.
if [ -t 1 ]; then
  ninja -C "build/$preset" "$@"
else
  NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" "$@" |
    awk -v now="$(date +%s)" '/^\[[0-9]+\/[0-9]+ / { t = systime(); if (t - now >= 10) { print; now = t }; next } /^ninja: (Entering|no work)/ { next } { print; fflush() }'
fi
echo "[build] $preset done in $((SECONDS - started)) s"
