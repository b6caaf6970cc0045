#!/bin/bash
# Runs one benchmark suite: tools/bench.sh runtime|serve|reactor. Each has a runner of its own under bench/.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$1
mkdir -p build/bench
[ -x "bench/$suite/run" ] || { echo "bench: $suite is not built yet (no bench/$suite/run)" >&2; exit 1; }
exec "bench/$suite/run"
