#!/bin/sh
# Installs the one wasm-tools this project uses (it makes components of core modules, composes and validates them, and
# turns the specification's .wast files into JSON) into ${CRANK_CACHE:-~/.cache/crank}/wt/bin. Does nothing when that
# version is there already. Needs cargo with rustc 1.85 or newer: rustup's, or Debian's cargo-web and rustc-web.
#   tools/get_wasm_tools.sh            prints the path of the program as its last line
set -eu
version=1.254.2
root="${CRANK_CACHE:-$HOME/.cache/crank}/wt"
program="$root/bin/wasm-tools"
if [ -x "$program" ] && [ "$("$program" --version)" = "wasm-tools $version" ]; then
  echo "$program"
  exit 0
fi
command -v cargo >/dev/null || {
  echo "get_wasm_tools: no cargo found; install Debian's cargo-web and rustc-web, or rustup" >&2
  exit 1
}
# The profile trades a little speed of the tool for minutes of building.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_LTO=off \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
echo "get_wasm_tools: building wasm-tools $version (some minutes on two cores)" >&2
cargo install wasm-tools --version "$version" --locked --root "$root" --force \
  --no-default-features --features component,validate,print,parse,compose,wast,json-from-wast,strip >&2
"$program" --version >&2
echo "$program"
