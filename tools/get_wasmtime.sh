#!/bin/sh
# Fetches the engine: the shared library of Wasmtime's C API from its Python wheel, and the headers of the same version
# from the crate that carries them. Both come through their ordinary clients, and both are checked against SHA-256
# digests committed here (wasmtime-headers/wheels.txt and Cargo.lock; the library once more after it is unpacked).
#
#   tools/get_wasmtime.sh             into ${CRANK_CACHE:-$HOME/.cache/crank}/wasmtime-50.0.1/{include,lib}
#   CRANK_WASMTIME_DIR=DIR ...        brings your own: DIR/include and DIR/lib/libwasmtime.so are only looked at
#
# Needs python3 with pip, cargo 1.78 or newer (nothing is compiled; Debian 12: package cargo-web) and cmake. Prints the directory. A second run takes milliseconds.
set -eu
version=50.0.1
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "get_wasmtime: $*" >&2; }
die() { say "$*"; exit 1; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

if [ -n "${CRANK_WASMTIME_DIR:-}" ]; then
  for file in include/wasmtime.h lib/libwasmtime.so; do
    [ -f "$CRANK_WASMTIME_DIR/$file" ] || die "CRANK_WASMTIME_DIR is $CRANK_WASMTIME_DIR, but $file is not in it"
  done
  grep -qs "WASMTIME_VERSION \"$version\"" "$CRANK_WASMTIME_DIR/include/wasmtime.h" "$CRANK_WASMTIME_DIR"/include/wasmtime/*.h ||
    say "warning: CRANK_WASMTIME_DIR is not version $version, the one this is tested with"
  echo "$CRANK_WASMTIME_DIR"
  exit 0
fi

[ "$(uname -s)" = Linux ] || die "only Linux has been tried; on $(uname -s), set CRANK_WASMTIME_DIR to a Wasmtime $version C API"
case $(uname -m) in
  x86_64) platform=manylinux1_x86_64 folder=linux-x86_64
    library=3127ca42fe7cdd3f0a43a358e79177dcfedd46c1746329826403b9d854de6178 ;;
  aarch64 | arm64) platform=manylinux2014_aarch64 folder=linux-aarch64
    library=4777b787fcc6651c98130ccc7c8ce9160faba5f3b34918886785a43094026fc9 ;;
  *) die "there is no wheel for $(uname -m); build Wasmtime's C API $version and set CRANK_WASMTIME_DIR" ;;
esac
if command -v ldd >/dev/null && ldd --version 2>&1 | grep -qi musl; then
  die "this wheel needs glibc 2.28 or newer, and this system has musl; set CRANK_WASMTIME_DIR to a Wasmtime $version C API"
fi

target=${CRANK_CACHE:-$HOME/.cache/crank}/wasmtime-$version
if [ -f "$target/complete" ] && [ "$(cat "$target/complete")" = "$library" ]; then
  echo "$target"
  exit 0
fi

cargo=
for candidate in cargo cargo-web; do
  if command -v "$candidate" >/dev/null; then cargo=$candidate; break; fi
done
[ -n "$cargo" ] || die "cargo is missing (Debian 12: apt-get install cargo-web); it fetches the headers"
command -v cmake >/dev/null || die "cmake is missing (apt-get install cmake)"
python3 -m pip --version >/dev/null 2>&1 || die "pip is missing (apt-get install python3-pip python3-venv)"

mkdir -p "$(dirname "$target")"
scratch=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$scratch"' EXIT INT TERM

say "fetching the library (wheel $version, $platform)"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform "$platform" \
  --require-hashes -r "$here/wasmtime-headers/wheels.txt" -d "$scratch/wheel" ||
  die "pip could not fetch the wheel, or its SHA-256 is not the committed one"
python3 -m zipfile -e "$scratch"/wheel/*.whl "$scratch/unpacked"
mkdir -p "$scratch/sdk/lib"
mv "$scratch/unpacked/wasmtime/$folder/_libwasmtime.so" "$scratch/sdk/lib/libwasmtime.so"
found=$(digest "$scratch/sdk/lib/libwasmtime.so")
[ "$found" = "$library" ] || die "libwasmtime.so has SHA-256 $found, expected $library"

say "fetching the headers (crate wasmtime-c-api-impl $version)"
cp -r "$here/wasmtime-headers" "$scratch/stub"
manifest=$("$cargo" metadata --quiet --locked --format-version 1 --filter-platform "$(uname -m)-unknown-linux-gnu" \
  --manifest-path "$scratch/stub/Cargo.toml" | python3 -c '
import json, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "wasmtime-c-api-impl"))') ||
  die "$cargo could not fetch the crate that carries the headers, or its SHA-256 is not the one in Cargo.lock"
cmake -DWASMTIME_HEADER_DST="$scratch/sdk/include" -P "$(dirname "$manifest")/cmake/install-headers.cmake" >/dev/null
[ -f "$scratch/sdk/include/wasmtime.h" ] || die "the crate's install-headers.cmake wrote no wasmtime.h"

rm -rf "$target"
echo "$library" > "$scratch/sdk/complete"
mv "$scratch/sdk" "$target"
say "done: $target"
echo "$target"
