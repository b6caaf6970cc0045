#!/usr/bin/env python3
"""Plays the Component Model's own suite against this host: tests/spec/run.py --suite DIR --bin DIR --out DIR [FILE…]

Each .wast is converted by wasm-tools (json-from-wast) and played by crank_spec in a process of its own with a time limit:
an abort or a hang costs that file only. Trap or no trap is the score; whether the message contains the suite's text is a
second score. Writes OUT/results.json. Fails when an assertion of groups A to D does not hold and stands neither in
disputed.txt (the suite contradicts the reference) nor in not_yet.txt, or when one in not_yet.txt does hold.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = {"assert_return", "action", "assert_trap", "assert_uninstantiable"}
REJECT = {"assert_invalid", "assert_malformed"}
ACCEPT = {"module", "module_definition"}
GATE = ("A", "B", "C", "D")
MAX_FAILURES = 5


def read_list(name):
    """FILE:LINE -> reason."""
    entries = {}
    for line in (HERE / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.partition(" ")
            entries[key] = reason.strip()
    return entries


def read_groups():
    pairs = (l.split() for l in (HERE / "groups.txt").read_text().splitlines() if l.strip() and not l.startswith("#"))
    return dict(pairs)


def find_wasm_tools():
    cache = pathlib.Path(os.environ.get("CRANK_CACHE") or pathlib.Path.home() / ".cache/crank")
    for path in (os.environ.get("CRANK_WASM_TOOLS"), cache / "wt/bin/wasm-tools"):
        if path and os.access(path, os.X_OK):
            return str(path)
    sys.exit(f"spec: no wasm-tools at {cache}/wt/bin; run tools/get_wasm_tools.sh or set CRANK_WASM_TOOLS. NOT RUN.")


def convert(tool, suite, name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / (pathlib.Path(name).name + ".json")
    done = subprocess.run([tool, "json-from-wast", suite / (name + ".wast"), "-o", script, "--wasm-dir", folder],
                          capture_output=True, text=True)
    if done.returncode:
        return None, f"wasm-tools could not convert it: {done.stderr.strip()[:300]}"
    return script, None


def play(program, script, threads, limit, disputed):
    """Rows by index of the command, and what ended the process if it did not end well."""
    command = [program, str(script)] + (["--threads", str(threads)] if threads else [])
    for line in disputed:
        command += ["--disputed", line]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit)
        out, problem = done.stdout, None
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            problem = f"the process ended with {done.returncode}: " + " | ".join(last)
    except subprocess.TimeoutExpired as expired:
        out, problem = expired.stdout or b"", f"it did not end within {limit} s"
    rows = []
    for line in out.decode(errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            pass
    return rows, problem


class File:
    """One file of the suite and how its commands went."""

    def __init__(self, name, group):
        self.name, self.group, self.failures = name, group, []
        self.counts = {kind: [0, 0] for kind in ("run", "text", "reject", "accept", "disputed", "not_yet")}
        self.stale = []

    def judge(self, commands, rows, problem, disputed, not_yet):
        for i, command in enumerate(commands):
            row = rows[i] if i < len(rows) else {"ok": False, "text": False, "message": problem or "it was not played"}
            kind = command["type"]
            key = f"{self.name}:{command['line']}"
            ok = row["ok"]
            if kind in RUNTIME or kind in REJECT:
                score = "run" if kind in RUNTIME else "reject"
                if key in disputed:
                    self.count("disputed", ok)
                    continue
                if key in not_yet:
                    self.count("not_yet", ok)
                    if ok:
                        self.stale.append(key)
                self.count(score, ok)
                if command.get("text"):
                    self.count("text", row["text"])
                if not ok:
                    self.failures.append({"line": command["line"], "type": kind, "message": row["message"],
                                          "listed": key in not_yet})
            elif kind in ACCEPT:
                # An accepted binary that then fails to start is a run-time failure of what follows.
                refused = not ok and not row.get("accepted", False)
                self.count("accept", not refused)
                if not ok:
                    self.failures.append({"line": command["line"], "type": kind, "message": row["message"], "listed": key in not_yet})
            elif not ok:
                self.failures.append({"line": command["line"], "type": kind, "message": row["message"], "listed": key in not_yet})

    def count(self, score, ok):
        self.counts[score][0] += bool(ok)
        self.counts[score][1] += 1

    def row(self):
        directory, _, file = self.name.partition("/")
        passed = self.counts["run"][0] + self.counts["reject"][0] + self.counts["accept"][0]
        everything = self.counts["run"][1] + self.counts["reject"][1] + self.counts["accept"][1]
        return {"directory": directory, "file": file, "group": self.group, "passed": passed, "all": everything,
                "returns_and_traps": pair(self.counts["run"]), "rejected": pair(self.counts["reject"]),
                "accepted": pair(self.counts["accept"]), "disputed": pair(self.counts["disputed"]),
                "first_failures": self.failures[:MAX_FAILURES]}


def pair(count):
    return {"passed": count[0], "all": count[1]}


def add(files, score):
    return [sum(f.counts[score][0] for f in files), sum(f.counts[score][1] for f in files)]


def report(title, key, files):
    print(f"\n{title:<12}{'files':>9}{'returns, traps':>18}{'rejected':>12}{'accepted':>12}{'texts':>12}{'disputed':>10}")
    for value in sorted({key(f) for f in files}) + ["all"]:
        some = files if value == "all" else [f for f in files if key(f) == value]
        whole = sum(not f.failures for f in some)
        cells = ["%d/%d" % tuple(add(some, score)) for score in ("run", "reject", "accept", "text", "disputed")]
        print(f"{value:<12}{f'{whole}/{len(some)}':>9}{cells[0]:>18}{cells[1]:>12}{cells[2]:>12}{cells[3]:>12}{cells[4]:>10}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default=os.environ.get("CRANK_SPEC_TESTS", "../shared/spec-tests"))
    parser.add_argument("--bin", default="build/release/bin", help="where crank_spec is")
    parser.add_argument("--out", default="build/spec")
    parser.add_argument("--threads", type=int, default=0, help="play on a pool instead of the manual executor")
    parser.add_argument("--limit", type=float, default=60, help="seconds a file may take")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--failures", action="store_true", help="print every failure")
    parser.add_argument("files", nargs="*", help="only these, e.g. async/zero-length")
    options = parser.parse_args()
    suite, out = pathlib.Path(options.suite), pathlib.Path(options.out)
    if not suite.is_dir():
        sys.exit(f"spec: the suite is not at {suite}; set CRANK_SPEC_TESTS. NOT RUN.")
    program = str(pathlib.Path(options.bin) / "crank_spec")
    if not os.access(program, os.X_OK):
        sys.exit(f"spec: {program} is not built. NOT RUN.")
    tool, groups, disputed, not_yet = find_wasm_tools(), read_groups(), read_list("disputed.txt"), read_list("not_yet.txt")
    names = options.files or sorted(str(p.relative_to(suite))[:-5] for p in suite.rglob("*.wast"))
    started = time.monotonic()

    def one(name):
        file = File(name, groups.get(name, "A"))
        script, problem = convert(tool, suite, name, out / "converted" / pathlib.Path(name).parent)
        if script is None:
            file.failures.append({"line": 0, "type": "file", "message": problem, "listed": False})
            return file
        commands = [c for c in json.loads(script.read_text())["commands"] if c.get("module_type", "binary") == "binary"]
        rows, problem = play(program, script, options.threads, options.limit,
                             [key.rpartition(":")[2] for key in disputed if key.rpartition(":")[0] == name])
        if problem:
            file.failures.append({"line": 0, "type": "file", "message": problem, "listed": False})
        file.judge(commands, rows, problem, disputed, not_yet)
        return file

    with ThreadPoolExecutor(options.jobs) as workers:
        files = list(workers.map(one, names))

    for file in files:
        shown = file.failures if options.failures else file.failures[:2]
        for failure in shown:
            message = " ".join(failure["message"].split())
            print(f"{file.name}:{failure['line']} {failure['type']}: {message[:260]}")
    report("group", lambda f: f.group, files)
    report("directory", lambda f: f.name.partition("/")[0], files)

    run, reject, accept, text = (add(files, s) for s in ("run", "reject", "accept", "text"))
    gated = add([f for f in files if f.group in GATE], "run")
    result = {
        "suite": str(suite), "executor": f"pool of {options.threads}" if options.threads else "manual",
        "totals": {
            "files": {"passed": sum(not f.failures for f in files), "all": len(files)},
            "returns_and_traps": pair(run),
            "returns_and_traps_of_groups_a_to_d": pair(gated),
            "validation": {"passed": reject[0] + accept[0], "all": reject[1] + accept[1]},
            "validation_rejected": pair(reject), "validation_accepted": pair(accept),
            "texts": pair(text), "disputed": pair(add(files, "disputed")),
        },
        "files": [f.row() for f in files],
    }
    out.mkdir(parents=True, exist_ok=True)
    if not options.files:
        (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nspec: {run[0]} of {run[1]} returns and traps ({gated[0]} of {gated[1]} in groups A to D), {reject[0]} of {reject[1]} "
          f"rejected, {accept[0]} of {accept[1]} accepted, {time.monotonic() - started:.1f} s")

    bad = [f"{f.name}:{x['line']}" for f in files if f.group in GATE for x in f.failures if not x["listed"]]
    stale = [key for f in files for key in f.stale]
    if bad:
        print(f"spec: {len(bad)} failures in groups A to D, first {', '.join(bad[:4])}")
    if stale:
        print(f"spec: these hold now, take them off not_yet.txt: {', '.join(stale)}")
    return 1 if bad or stale else 0


if __name__ == "__main__":
    sys.exit(main())
