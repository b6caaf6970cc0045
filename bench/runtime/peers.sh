# Builds the peers that are programs of their own, where what they need is there, and names each by an exported variable; says in a
# sentence which are left out. Sourced by bench/runtime/run, never by a test. Versions are pinned: go/go.mod, tokio/Cargo.lock,
# Taskflow 4.1, Swift 6.0.3 (get_swift.sh, once, by hand: 2.5 GB).
out=$PWD/build/bench
mkdir -p "$out"
cache=${CRANK_CACHE:-$HOME/.cache/crank}
if command -v go >/dev/null; then
  (cd bench/runtime/go && GOFLAGS=-mod=mod go build -o "$out/peer_go" .) && export CRANK_PEER_GO=$out/peer_go
else
  echo "no Go here: its rows are left out"
fi
if ! command -v cargo >/dev/null; then
  echo "no cargo here: tokio's rows are left out"
elif (cd bench/runtime/tokio && cargo build --release --locked --quiet --target-dir "$out/tokio"); then
  export CRANK_PEER_TOKIO=$out/tokio/release/peer_tokio
else
  echo "tokio could not be built (its crates come from the registry): its rows are left out"
fi
taskflow=${CRANK_TASKFLOW:-$cache/taskflow-4.1.0}
flags=(-std=c++20 -O3 -march=native -pthread -isystem "$taskflow")
if [ "$out/peer_taskflow" -nt bench/runtime/taskflow/peer_taskflow.cc ] ||
  "${CXX:-clang++-22}" "${flags[@]}" bench/runtime/taskflow/peer_taskflow.cc -o "$out/peer_taskflow" 2>"$out/peer_taskflow.log"; then
  export CRANK_PEER_TASKFLOW=$out/peer_taskflow
else
  echo "no Taskflow 4.1 in $taskflow (CRANK_TASKFLOW names another folder) or it did not build ($out/peer_taskflow.log): its rows are left out"
fi
swift=$cache/swift-6.0.3
if [ ! -e "$swift/complete" ]; then
  echo "no Swift in $swift (bench/runtime/get_swift.sh puts it there): its rows are left out"
elif [ "$(id -u)" != 0 ]; then
  echo "Swift runs in a root folder of its own, which takes root: its rows are left out"
else
  root=$swift/root
  # Swift's compiler and its programs read /proc; so each runs in a mount space of its own, inside that root.
  cat > "$out/in_swift" <<END
#!/bin/sh
exec unshare --mount --pid --fork sh -c 'mount -t proc proc $root/proc && exec env -i PATH=/usr/sbin:/usr/bin:/bin HOME=/tmp chroot $root "\$@"' sh "\$@"
END
  chmod +x "$out/in_swift"
  if [ "$root/tmp/peer_swift" -nt bench/runtime/swift/main.swift ] ||
    { mkdir -p "$root/tmp" "$root/proc" && cp bench/runtime/swift/main.swift "$root/tmp/" &&
      "$out/in_swift" /usr/libexec/swift/bin/swiftc -O -static-stdlib -parse-as-library /tmp/main.swift -o /tmp/peer_swift \
        >"$out/peer_swift.log" 2>&1; }; then
    export CRANK_PEER_SWIFT="$out/in_swift /tmp/peer_swift"
  else
    echo "Swift did not build its peer ($out/peer_swift.log): its rows are left out"
  fi
fi
