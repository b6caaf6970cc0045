#!/bin/sh
# Puts zlib's C sources, unmodified, into ${CRANK_CACHE:-~/.cache/crank}/zlib-1.3.2 for the guests that compress. They
# come out of the package libz-sys, whose SHA-256 is pinned here and checked.
#   tools/get_zlib.sh                  prints the folder as its last line
set -eu
version=1.3.2
package=1.1.31
digest=ff20308ecabd635a2dc1dd5834a86c462cca20efba1d5d3ddab1f8aea3455cb2
cache="${CRANK_CACHE:-$HOME/.cache/crank}"
folder="$cache/zlib-$version"
if [ -f "$folder/complete" ]; then
  echo "$folder"
  exit 0
fi
command -v cargo >/dev/null || {
  echo "get_zlib: no cargo found; install Debian's cargo-web and rustc-web, or rustup" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
: > "$work/src/lib.rs"
cat > "$work/Cargo.toml" <<TOML
[package]
name = "sources-of-zlib"
version = "0.0.0"
edition = "2021"
[dependencies]
libz-sys = { version = "=$package", default-features = false, features = ["static"] }
TOML
(cd "$work" && cargo vendor --quiet vendor >/dev/null)
# cargo has checked the archive against this digest; here the digest itself is checked against ours.
grep -q "\"package\":\"$digest\"" "$work/vendor/libz-sys/.cargo-checksum.json" || {
  echo "get_zlib: libz-sys $package is not the archive this project pins (SHA-256 $digest)" >&2
  exit 1
}
source="$work/vendor/libz-sys/src/zlib"
grep -q "ZLIB_VERSION \"$version\"" "$source/zlib.h" || {
  echo "get_zlib: libz-sys $package does not hold zlib $version" >&2
  exit 1
}
mkdir -p "$folder"
cp "$source"/*.c "$source"/*.h "$source/LICENSE" "$folder/"
touch "$folder/complete"
echo "$folder"
