#!/usr/bin/env python3
"""Lifting and lowering against the specification's own definitions.py, on random types, values and memories.

  tests/spec/differential.py --definitions FILE --program BUILD/bin/crank_abi_differential [--cases N] [--seed N]

definitions.py is the reference of the pinned component-model commit (design/mvp/canonical-abi); it is not part of this
repository. Found through --definitions, CRANK_DEFINITIONS or the cache; where it is missing, that is said and the exit
code is 77 (not run). Each case says what the reference did (value, memory, realloc calls, or a trap) and the program
does the same over crank/component/abi.h and compares. Exit code 1 on the first difference, printed whole.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys

MEMORY = 2048
HEAP = 1024


def load_reference(path):
    spec = importlib.util.spec_from_file_location("definitions", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["definitions"] = module
    spec.loader.exec_module(module)
    module.DETERMINISTIC_PROFILE = True  # canonical NaNs, no random choices
    return module


class Trapped(Exception):
    pass


class Side:
    """A memory with a bump allocator that logs its calls, as tests of the host have one."""

    def __init__(self, d, encoding, contents):
        self.bytes = bytearray(contents)
        self.log, self.next = [], HEAP
        memory = d.MemInst(self.bytes, "i32")
        options = d.LiftLowerOptions(string_encoding=encoding, memory=memory, realloc=None)
        side = self

        class Context(d.LiftLowerContext):
            def reallocate(self, old, old_size, alignment, new_size):
                return side.reallocate(old, old_size, alignment, new_size)

        self.context = Context(options, None)

    def reallocate(self, old, old_size, alignment, new_size):
        self.log.append([old, old_size, alignment, new_size])
        if old and new_size <= old_size:
            return old
        self.next = (self.next + alignment - 1) & -alignment
        at = self.next
        if at + new_size > len(self.bytes):
            raise Trapped()
        self.next += new_size
        keep = min(old_size, new_size)
        self.bytes[at:at + keep] = self.bytes[old:old + keep]
        return at


NUMBERS = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64"]
SCALARS = NUMBERS + ["bool", "char"]


class Random:
    """Random types as JSON, the reference's types, and random values of them."""

    def __init__(self, d, seed):
        self.d, self.r = d, random.Random(seed)

    def type(self, depth=3):
        r = self.r
        if depth == 0 or r.random() < 0.35:
            return {"k": r.choice(SCALARS + ["string", "string"])}
        k = r.choice(["list", "list", "fixed", "map", "record", "tuple", "variant", "enum", "option", "result", "flags"])
        sub = lambda: self.type(depth - 1)
        if k == "list":
            return {"k": k, "t": sub()}
        if k == "fixed":
            return {"k": k, "t": sub(), "n": r.randint(1, 4)}
        if k == "map":
            return {"k": k, "t": [{"k": r.choice(SCALARS[:8] + ["bool", "char", "string"])}, sub()]}
        if k in ("record", "tuple"):
            return {"k": k, "t": [sub() for _ in range(r.randint(1, 5))]}
        if k == "variant":
            return {"k": k, "t": [sub() if r.random() < 0.7 else None for _ in range(r.choice([1, 2, 3, 4, 5]))]}
        if k == "enum":
            return {"k": k, "n": r.choice([1, 2, 3, 255, 256, 257])}
        if k == "option":
            return {"k": k, "t": [sub()]}
        if k == "result":
            return {"k": k, "t": [sub() if r.random() < 0.7 else None, sub() if r.random() < 0.7 else None]}
        return {"k": "flags", "n": r.choice([1, 3, 8, 9, 16, 17, 31, 32])}

    def reference_type(self, t):
        d, k = self.d, t["k"]
        simple = {"bool": d.BoolType, "char": d.CharType, "string": d.StringType}
        simple.update({n: getattr(d, n.upper() + "Type") for n in NUMBERS})
        if k in simple:
            return simple[k]()
        sub = self.reference_type
        some = lambda x: sub(x) if x else None
        if k == "list":
            return d.ListType(sub(t["t"]))
        if k == "fixed":
            return d.ListType(sub(t["t"]), t["n"])
        if k == "map":
            return d.MapType(sub(t["t"][0]), sub(t["t"][1]))
        if k == "record":
            return d.RecordType([d.FieldType(f"f{i}", sub(x)) for i, x in enumerate(t["t"])])
        if k == "tuple":
            return d.TupleType([sub(x) for x in t["t"]])
        if k == "variant":
            return d.VariantType([d.CaseType(f"c{i}", some(x)) for i, x in enumerate(t["t"])])
        if k == "enum":
            return d.EnumType([f"c{i}" for i in range(t["n"])])
        if k == "option":
            return d.OptionType(sub(t["t"][0]))
        if k == "result":
            return d.ResultType(some(t["t"][0]), some(t["t"][1]))
        return d.FlagsType([f"b{i}" for i in range(t["n"])])

    def text(self, highest):
        r = self.r
        pools = [(0x20, 0x7e), (0x80, 0xff), (0x100, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x10000, 0x10ffff)]
        pools = [p for p in pools if p[1] <= highest]
        kinds = r.sample(pools, r.randint(1, len(pools)))
        if r.random() < 0.5:
            kinds = kinds[:1]
        return "".join(chr(r.randint(*r.choice(kinds))) for _ in range(r.randint(0, 12)))

    def value(self, t):
        """(for the reference, as JSON)"""
        r, k = self.r, t["k"]
        if k == "bool":
            b = r.random() < 0.5
            return b, b
        if k == "char":
            c = self.text(0x10ffff)[:1] or "x"
            return c, ord(c)
        if k == "string":
            encoding = r.choice(["utf8", "utf16", "latin1", "tagged"])
            s = self.text(0xff if encoding == "latin1" else 0x10ffff)
            units = len(s.encode("utf-16-le")) // 2
            if encoding == "utf8":
                return (s, "utf8", len(s.encode())), [s, encoding]
            if encoding == "utf16":
                return (s, "utf16", units), [s, encoding]
            if encoding == "latin1":
                return (s, "latin1+utf16", len(s)), [s, encoding]
            return (s, "latin1+utf16", units | 1 << 31), [s, encoding]
        if k in ("f32", "f64"):
            width = int(k[1:])
            bits = r.choice([0, 1 << (width - 1), 0x7fc00000 if width == 32 else 0x7ff8 << 48, r.getrandbits(width), r.getrandbits(width)])
            decode = self.d.decode_i32_as_float if width == 32 else self.d.decode_i64_as_float
            encode = self.d.encode_float_as_i32 if width == 32 else self.d.encode_float_as_i64
            f = decode(bits)
            return f, encode(f)
        if k in NUMBERS:
            width = int(k[1:])
            bits = r.choice([0, (1 << width) - 1, 1 << (width - 1), r.getrandbits(width)])
            n = bits - (1 << width) if k[0] == "s" and bits >> (width - 1) else bits
            return n, n
        if k in ("list", "fixed"):
            count = t["n"] if k == "fixed" else r.choice([0, 1, 2, 3, 7])
            pairs = [self.value(t["t"]) for _ in range(count)]
            return [p[0] for p in pairs], [p[1] for p in pairs]
        if k == "map":
            rows = [(self.value(t["t"][0]), self.value(t["t"][1])) for _ in range(r.choice([0, 1, 3]))]
            return [{"0": a[0], "1": b[0]} for a, b in rows], [[a[1], b[1]] for a, b in rows]
        if k in ("record", "tuple"):
            pairs = [self.value(x) for x in t["t"]]
            name = "f" if k == "record" else ""
            return {f"{name}{i}": p[0] for i, p in enumerate(pairs)}, [p[1] for p in pairs]
        if k == "enum":
            i = r.randrange(t["n"])
            return {f"c{i}": None}, [i, None]
        if k == "flags":
            bits = r.getrandbits(t["n"])
            return {f"b{i}": bool(bits >> i & 1) for i in range(t["n"])}, bits
        cases = {"option": [None] + t.get("t", [])}.get(k, t.get("t"))
        i = r.randrange(len(cases))
        labels = {"option": ["none", "some"], "result": ["ok", "error"]}.get(k) or [f"c{n}" for n in range(len(cases))]
        if cases[i] is None:
            return {labels[i]: None}, [i, None]
        a, b = self.value(cases[i])
        return {labels[i]: a}, [i, b]

    def to_json(self, t, v):
        """A value the reference lifted, as JSON."""
        k = t["k"]
        if k == "char":
            return ord(v)
        if k == "string":
            s, encoding, tagged = v
            origin = {"utf8": "utf8", "utf16": "utf16"}.get(encoding) or ("tagged" if tagged >> 31 else "latin1")
            return [s, origin]
        if k == "f32":
            return self.d.encode_float_as_i32(v)
        if k == "f64":
            return self.d.encode_float_as_i64(v)
        if k == "bool" or k in NUMBERS:
            return v
        if k in ("list", "fixed"):
            return [self.to_json(t["t"], x) for x in v]
        if k == "map":
            return [[self.to_json(t["t"][0], x["0"]), self.to_json(t["t"][1], x["1"])] for x in v]
        if k in ("record", "tuple"):
            return [self.to_json(x, y) for x, y in zip(t["t"], v.values())]
        if k == "flags":
            return sum(1 << i for i, b in enumerate(v.values()) if b)
        [(label, payload)] = v.items()
        if k == "enum":
            return [int(label[1:]), None]
        cases = [None] + t["t"] if k == "option" else t["t"]
        i = {"none": 0, "some": 1, "ok": 0, "error": 1}.get(label)
        i = int(label[1:]) if i is None else i
        return [i, self.to_json(cases[i], payload) if cases[i] else None]


def has_float_row(t):
    parts = t.get("t") if isinstance(t.get("t"), list) else [t.get("t")]
    if t["k"] in ("list", "fixed") and t["t"]["k"] in ("f32", "f64"):
        return True
    return any(has_float_row(p) for p in parts if p)


def attempt(d, work):
    """(result, trapped); anything but a trap is a bug of this script."""
    try:
        return work(), False
    except (d.Trap, Trapped):
        return None, True


def make_case(d, rng):
    r = rng.r
    t = rng.type()
    rt = rng.reference_type(t)
    encoding = r.choice(["utf8", "utf16", "latin1+utf16"])
    kind = r.choice(["store", "lower_flat", "load", "load", "lift_flat", "copy", "copy"])
    case = {"op": kind, "type": t, "encoding": encoding}
    size, alignment = d.elem_size(rt, "i32"), d.alignment(rt, "i32")
    flat = d.flatten_type(rt, d.LiftLowerOptions(memory=d.MemInst(bytearray(), "i32")))
    case["layout"] = [size, alignment, flat if len(flat) <= 16 else None]
    if len(flat) > 16 and kind in ("lower_flat", "lift_flat"):
        case["op"] = kind = "store" if kind == "lower_flat" else "load"
    if size > HEAP - 16:
        return None
    address = r.randrange(0, HEAP - size, alignment)
    case["address"] = address
    fill = bytes([r.choice([0, 0xaa])]) * MEMORY

    def finish(side, trapped):
        if trapped:
            case["trap"] = True
        else:
            case["memory"], case["log"] = bytes(side.bytes).hex(), side.log

    if kind in ("store", "lower_flat"):
        side = Side(d, encoding, fill)
        given, case["value"] = rng.value(t)
        case["before"] = fill.hex()
        if kind == "store":
            _, trapped = attempt(d, lambda: d.store(side.context, given, rt, address))
        else:
            slots, trapped = attempt(d, lambda: d.lower_flat(side.context, given, rt))
            if not trapped:
                case["slots"] = [to_bits(d, v, f) for v, f in zip(slots, flat)]
        finish(side, trapped)
        return case

    # What is read was stored by the reference, then perhaps damaged.
    source = Side(d, encoding, fill)
    given, _ = rng.value(t)
    core, trapped = attempt(d, lambda: d.lower_flat(source.context, given, rt) if kind == "lift_flat" else d.store(source.context, given, rt, address))
    if trapped:
        return None
    # Rows of floats are copied as they are, which the specification allows: a NaN may come out as any NaN.
    if r.random() < 0.6 and not has_float_row(t):
        for _ in range(r.randint(1, 3)):
            used = list(range(address, address + size)) + list(range(HEAP, source.next))
            if used:
                source.bytes[r.choice(used)] = r.choice([0, 1, 0x7f, 0x80, 0xc3, 0xff, r.randrange(256)])
    case["before"] = bytes(source.bytes).hex()
    source.log.clear()
    if kind == "lift_flat":
        if r.random() < 0.4:
            i = r.randrange(len(core))
            if not isinstance(core[i], float):
                core[i] = r.getrandbits(32 if flat[i] == "i32" else 64)
        case["slots"] = [to_bits(d, v, f) for v, f in zip(core, flat)]
        value, trapped = attempt(d, lambda: d.lift_flat(source.context, d.CoreValueIter(core), rt))
    else:
        value, trapped = attempt(d, lambda: d.load(source.context, address, rt))
    if trapped:
        case["trap"] = True
        return case
    if kind != "copy":
        case["value"] = rng.to_json(t, value)
        return case
    case["to_encoding"] = r.choice(["utf8", "utf16", "latin1+utf16"])
    target = Side(d, case["to_encoding"], fill)
    case["to_before"] = fill.hex()
    _, trapped = attempt(d, lambda: d.store(target.context, value, rt, address))
    finish(target, trapped)
    return case


def to_bits(d, value, flat):
    if flat == "f32":
        return d.encode_float_as_i32(value)
    if flat == "f64":
        return d.encode_float_as_i64(value)
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = pathlib.Path(os.environ.get("CRANK_CACHE") or pathlib.Path.home() / ".cache/crank")
    parser.add_argument("--definitions", default=os.environ.get("CRANK_DEFINITIONS", cache / "definitions.py"))
    parser.add_argument("--program", required=True)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not pathlib.Path(options.definitions).is_file():
        print(f"differential: definitions.py is not at {options.definitions}; set CRANK_DEFINITIONS. NOT RUN.")
        return 77
    d = load_reference(options.definitions)
    rng = Random(d, options.seed)
    cases = []
    while len(cases) < options.cases:
        case = make_case(d, rng)
        if case:
            cases.append(json.dumps(case))
    done = subprocess.run([options.program], input="\n".join(cases), capture_output=True, text=True)
    traps = sum('"trap": true' in c for c in cases)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode == 0:
        print(f"differential: {len(cases)} cases agree with the reference, {traps} of them traps, seed {options.seed}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
