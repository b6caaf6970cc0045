#!/bin/bash
# Swift 6.0.3 for the benchmark's table, out of Debian's next release, unpacked into a folder of the cache: nothing of this system is
# touched and nothing is installed. About 1.5 GB on disk; never part of `make test`. Says where it is, or why it is not there.
set -euo pipefail
export CRANK_CACHE=${CRANK_CACHE:-$HOME/.cache/crank}
version=6.0.3
release=trixie
here=$CRANK_CACHE/swift-$version
if [ -e "$here/complete" ]; then echo "$here"; exit 0; fi
mkdir -p "$here/apt/lists/partial" "$here/apt/archives/partial"
# The same mirror and keyring as this system's, another release, and a state of its own.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v '^ *#' | grep -oE '(https?|mirror\+file)://[^ ]+' | grep -v security | head -1 || true)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" > "$here/apt/sources.list"
: > "$here/apt/status"
apt=(apt-get -qq -o Dir::Etc::sourcelist="$here/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$here/apt"
  -o Dir::State::lists="$here/apt/lists" -o Dir::State::status="$here/apt/status" -o Dir::Cache="$here/apt"
  -o APT::Install-Recommends=false -o Debug::NoLocking=true)
"${apt[@]}" update >&2
available=$("${apt[@]}" -o APT::Architecture=amd64 -s install swiftlang 2>/dev/null | sed -n 's/^Inst swiftlang (\([^ ]*\).*/\1/p')
case $available in
  *$version*) ;;
  *) echo "get_swift: $release offers '${available:-no swiftlang}', the table wants $version" >&2; exit 1 ;;
esac
"${apt[@]}" -y --download-only install swiftlang libc6-dev libstdc++-14-dev >&2
mkdir -p "$here/root"
for package in "$here"/apt/archives/*.deb; do dpkg-deb -x "$package" "$here/root"; done
# Merged /usr, as the release's own base system has it.
for folder in bin lib lib64 sbin; do
  [ -L "$here/root/$folder" ] || { if [ -d "$here/root/$folder" ]; then cp -a "$here/root/$folder/." "$here/root/usr/$folder/" 2>/dev/null || true; rm -rf "$here/root/$folder"; fi; ln -s "usr/$folder" "$here/root/$folder"; }
done
rm -rf "$here/apt/archives" "$here/apt/lists"
touch "$here/complete"
echo "$here"
