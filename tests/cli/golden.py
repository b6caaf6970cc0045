#!/usr/bin/env python3
"""Golden tests of the command line: each file in golden/ holds a command, and what it must print and answer.

    golden.py CRANK              runs all, shows differences, ends with 1 if there are any
    golden.py CRANK --rebase     writes what the program prints now: read the difference before committing it

A file:
    $ crank run {components}/outcomes.wat --invoke 'add(1, 2)'
    3
    --- stderr
    --- exit 0

{components} is the folder of that name, {made} one with inputs that are made here (cut, flipped, random, empty files),
{guests} the built guests: a file that needs them is skipped, and said so, where CRANK_GUESTS has none. {port} is a port
that somebody listens on. Offsets in a backtrace and sizes of modules are left out.
"""
import difflib
import os
import random
import re
import shlex
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, 'golden')


def make_inputs(folder, components):
    """Bad binaries, the same every time."""
    whole = bytes([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]) + bytes([0x0a, 8, 1, 0, 4]) + b'good' + bytes([1, 0])
    rand = random.Random(7)
    files = {
        'empty.wasm': b'',
        'core.wasm': bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
        'random.wasm': bytes(rand.randrange(256) for _ in range(5000)),
        'truncated.wasm': whole[:12],
        'text.txt': b'not a component at all\n',
        'future.wasm': bytes([0, 0x61, 0x73, 0x6d, 0x77, 0, 1, 0]),
        # One bit each: of the size of a section, of an export's kind.
        'flipped_size.wasm': whole[:9] + bytes([whole[9] ^ 0x40]) + whole[10:],
        'flipped_kind.wasm': whole[:-2] + bytes([whole[-2] ^ 0x20]) + whole[-1:],
    }
    for name, data in files.items():
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)


def normalised(text, places):
    for name, path in places.items():
        text = text.replace(path, '{' + name + '}')
    text = re.sub(r'(?m)^(  \S+!<?[\w: ]+>?) \+\d+ \(offset \d+\)$', r'\1', text)
    text = re.sub(r'\b\d+ bytes of them', '# bytes of them', text)   # of built guests: another compiler, another size
    return re.sub(r'[ \t]+$', '', text, flags=re.M)


def run(crank, line, places):
    for name, path in places.items():
        line = line.replace('{' + name + '}', path)
    words = shlex.split(line)
    assert words[0] == 'crank', line
    done = subprocess.run([crank] + words[1:], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, text=True, errors='replace')
    text = normalised(done.stdout, places)
    if text and not text.endswith('\n'):
        text += '\n'
    return text + '--- stderr\n' + normalised(done.stderr, places) + f'--- exit {done.returncode}\n'


def main():
    crank, rebase = sys.argv[1], '--rebase' in sys.argv
    guests = os.environ.get('CRANK_GUESTS', '')
    listener = socket.create_server(('127.0.0.1', 0))
    failed = skipped = passed = 0
    with tempfile.TemporaryDirectory() as made:
        places = {'components': os.path.join(HERE, 'components'), 'made': made, 'guests': guests, 'port': str(listener.getsockname()[1])}
        make_inputs(made, places['components'])
        for name in sorted(os.listdir(GOLDEN)):
            path = os.path.join(GOLDEN, name)
            with open(path) as file:
                wanted = file.read()
            command = wanted.split('\n', 1)[0]
            assert command.startswith('$ '), f'{name}: the first line is the command, after "$ "'
            if '{guests}' in command and not os.path.exists(os.path.join(guests, 'service.wasm')):
                skipped += 1
                print(f'skipped  {name}: CRANK_GUESTS has no built guests')
                continue
            got = command + '\n' + run(crank, command[2:], {k: v for k, v in places.items() if v})
            if got == wanted:
                passed += 1
            elif rebase:
                with open(path, 'w') as file:
                    file.write(got)
                print(f'rebased  {name}')
            else:
                failed += 1
                print(f'FAILED   {name}')
                sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True), got.splitlines(True), 'wanted', 'got'))
    listener.close()
    print(f'{passed} as wanted, {failed} differ, {skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
