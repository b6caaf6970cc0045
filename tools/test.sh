#!/bin/bash
# Everything `make test` runs, in stages that print their time; the fuzzers are tests of the asan stage (fuzz.*). STAGES="lint release" runs some of them.
set -uo pipefail
cd "$(dirname "$0")/.."
export CRANK_CACHE=${CRANK_CACHE:-$HOME/.cache/crank}
all=(setup lint release spec asan tsan)
stages=(${STAGES:-${all[@]}})
passed=0
failed=()
# What the runtime's own tests find is found at once. The others share two processors with engines, servers and their
# clients, and may be late: one that fails is run once more, and ctest says so.
run_tests() {
  ctest --preset "$1" -j2 --output-on-failure -R '^async\.' &&
    ctest --preset "$1" -j2 --output-on-failure -E '^async\.' --repeat until-pass:2
}
for stage in "${stages[@]}"; do
  started=$SECONDS
  echo "=== [$((passed + ${#failed[@]} + 1))/${#stages[@]}] $stage"
  case $stage in
    setup) tools/setup.sh ;;
    lint) tools/lint.sh ;;
    release) tools/build.sh release && mkdir -p build/bin && ln -sf ../release/bin/crank build/bin/crank && run_tests release ;;
    asan) tools/build.sh asan all fuzzers && run_tests asan ;;
    tsan) tools/build.sh tsan && run_tests tsan ;;
    spec) tools/spec.sh ;;
    *) echo "test: there is no stage '$stage' (there are: ${all[*]})" >&2; false ;;
  esac
  if [ $? = 0 ]; then passed=$((passed + 1)); else failed+=("$stage"); fi
  echo "=== $stage: $((SECONDS - started)) s"
  # Without its set-up nothing after it can be judged.
  [ "${failed[*]:-}" != setup ] || break
done
[ ${#failed[@]} = 0 ] || echo "failed: ${failed[*]}"
echo "$passed passed, ${#failed[@]} failed"
[ ${#failed[@]} = 0 ]
