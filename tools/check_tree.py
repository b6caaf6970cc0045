#!/usr/bin/env python3
"""The rules of the tree that no compiler checks: includes point one way, third-party types stay out of public headers,
every source starts by saying what it is, no file holds two concepts' worth of lines, and no path or host of one machine
is named. Prints one line a finding; exits 1 if there are any."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# layer -> layers it may include (transitively closed by hand: what is written here is all there is)
ARROWS = {
    "base": set(),
    "async": {"base"},
    "guest": {"base", "async"},
    "io": {"base", "async"},
    "engine": {"base"},
    "component": {"base", "async", "engine"},
    "reactor": {"base", "async", "engine", "component", "io"},
    "wasi": {"base", "async", "component", "io"},
    "ota": {"base", "async", "io", "reactor"},
    "cli": {"base", "async", "io", "engine", "component", "reactor", "wasi", "ota"},
}
THIRD_PARTY = re.compile(r'#include [<"](boost/|wasmtime|wasm\.h|openssl/|nlohmann/|CLI/|spdlog/|fmt/|sqlite3|sodium|zlib)')
MAX_LINES = 600
MACHINE = re.compile(r"(^|[^a-zA-Z0-9_.])/(work|farm|root|tmp/bash_jobs|tmp/w)/")

def listed(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in out.stdout.splitlines() if (ROOT / line).is_file()]

findings = []
for name in listed("*.h", "*.cc", "*.c"):
    if "/generated/" in name:
        continue
    text = (ROOT / name).read_text(errors="replace")
    lines = text.splitlines()
    parts = name.split("/")
    if parts[0] == "crank":
        layer = parts[1]
        test = name.endswith(("_test.cc", "_test.h"))
        for number, line in enumerate(lines, 1):
            include = re.match(r'#include "crank/(\w+)/', line)
            if include and include[1] != layer and include[1] not in ARROWS[layer] and not test:
                findings.append(f"{name}:{number}: {layer} may not include {include[1]}")
            if name.endswith(".h") and "internal" not in name and "nternal" not in lines[0] and THIRD_PARTY.match(line):
                findings.append(f"{name}:{number}: a third-party header in a public header")
            if layer != "engine" and re.match(r'#include [<"]wasm(time)?[./]', line):
                findings.append(f"{name}:{number}: only crank/engine may see the engine's headers")
        if name.endswith(".h"):
            if not lines or not lines[0].startswith("//"):
                findings.append(f"{name}:1: the head does not say what this file is")
            if "#pragma once" not in text:
                findings.append(f"{name}:1: no #pragma once")
        if len(lines) > MAX_LINES:
            findings.append(f"{name}: {len(lines)} lines; find the second concept and give it a file (limit {MAX_LINES})")
for name in listed():
    if pathlib.Path(name).suffix in {".wasm", ".bin", ".gz"} or name == "tools/check_tree.py":
        continue
    try:
        text = (ROOT / name).read_text()
    except UnicodeDecodeError:
        continue
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE.search(line):
            findings.append(f"{name}:{number}: a path of one machine")
for finding in findings:
    print(finding)
print(f"check_tree: {len(findings)} findings")
sys.exit(1 if findings else 0)
