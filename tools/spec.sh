#!/bin/bash
# Runs the Component Model's own suite; where it is not there, says so and fails nothing but itself.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${CRANK_SPEC_TESTS:-../shared/spec-tests}
if [ ! -d "$suite" ]; then
  echo "spec: the suite is not at $suite; set CRANK_SPEC_TESTS to the component-model repository's test folder. NOT RUN."
  exit 0
fi
exec python3 tests/spec/run.py --suite "$suite" --bin build/release/bin --out build/spec
