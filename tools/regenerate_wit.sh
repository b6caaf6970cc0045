#!/bin/sh
# Writes wit/generated anew from wit/*.wit: the C glue of each world of crank:guests, and the object that carries the
# world's type into the core module.
#   tools/regenerate_wit.sh            then look at the difference and commit it
#   tools/regenerate_wit.sh --check    fails when what is checked in is not what the generator writes
set -eu
cd "$(dirname "$0")/.."
generator=$(tools/get_wit_bindgen.sh)
for world in round-trip http command; do
  "$generator" c wit --world "crank:guests/$world" --out-dir "wit/generated/$(echo "$world" | tr - _)" "$@"
done
