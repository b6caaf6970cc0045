#!/bin/sh
# Installs wit-bindgen's C generator into ${CRANK_CACHE:-~/.cache/crank}/wb/bin. Only tools/regenerate_wit.sh needs it:
# what it generates is checked in.
#   tools/get_wit_bindgen.sh           prints the path of the program as its last line
set -eu
version=0.63.0
root="${CRANK_CACHE:-$HOME/.cache/crank}/wb"
program="$root/bin/wit-bindgen"
if [ -x "$program" ] && [ "$("$program" --version)" = "wit-bindgen-cli $version" ]; then
  echo "$program"
  exit 0
fi
command -v cargo >/dev/null || {
  echo "get_wit_bindgen: no cargo found; install Debian's cargo-web and rustc-web, or rustup" >&2
  exit 1
}
export CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_LTO=off \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
cargo install wit-bindgen-cli --version "$version" --locked --root "$root" --force --no-default-features --features c >&2
echo "$program"
