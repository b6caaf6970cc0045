#!/bin/bash
# Installs what building, testing and the demo need, pinned, and nothing that is there already: Debian packages, the
# engine's library and headers, wasm-tools, zlib's source for guests. Idempotent; a second run takes under a second.
# Needs Debian 12 with its security updates, and root (or sudo) when packages are missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export CRANK_CACHE=${CRANK_CACHE:-$HOME/.cache/crank}
export PATH=$HOME/.cargo/bin:$PATH
started=$SECONDS
say() { echo "[setup $((SECONDS - started))s] $*"; }

packages=(clang-22 lld-22 llvm-22 clang-format-22 clang-tidy-22 libclang-rt-22-dev
  libc++-22-dev-wasm32 libc++abi-22-dev-wasm32 libclang-rt-22-dev-wasm32 wasi-libc
  cmake ninja-build make ccache git curl ca-certificates pkg-config python3 python3-pip python3-venv
  libboost1.81-dev libssl-dev libfmt-dev libspdlog-dev libcli11-dev nlohmann-json3-dev libsodium-dev zlib1g-dev
  libsqlite3-dev libgtest-dev libgmock-dev libbenchmark-dev openssl wrk)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# rustup's cargo will do; else Debian's newer one. It builds wasm-tools and brings the engine's headers.
command -v cargo >/dev/null || missing+=(cargo-web rustc-web)
if [ ${#missing[@]} -gt 0 ]; then
  say "1/4 installing ${#missing[@]} packages: ${missing[*]}"
  root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup: these packages are missing and need root: ${missing[*]}" >&2; exit 1; }
    root=sudo
  fi
  $root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    { echo "setup: apt-get could not install: ${missing[*]} (Debian 12 with its security updates has them all)" >&2; exit 1; }
else
  say "1/4 packages: all there"
fi
say "2/4 engine: $("$here/get_wasmtime.sh")"
if [ ! -x "$CRANK_CACHE/wt/bin/wasm-tools" ]; then say "3/4 wasm-tools: building, once, about four minutes"; fi
say "3/4 wasm-tools: $("$here/get_wasm_tools.sh")"
say "4/4 zlib for guests: $("$here/get_zlib.sh")"
