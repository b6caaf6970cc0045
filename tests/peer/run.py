#!/usr/bin/env python3
"""Runs our components on the peer, on Crank, or on both, and checks every answer.

    tests/peer/run.py                peer (the components are right on a host that is not ours)
    tests/peer/run.py crank          crank, with --plug, and with the single composed binary
    tests/peer/run.py peer crank     both
    ... --without-http               calls and commands only (tests/serve asks Crank the rest)

Ends with 0 when every check held, with 77 when the peer is not installed. CRANK_GUESTS names the folder of components, CRANK_PROGRAM and CRANK_PEER the hosts.
"""
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), 'tools')]
import hosts
import http_checks

# component, plugs, composed, invocation, the value it prints
CALLS = [
    ('leaf', [], None, 'foo("hi")', '"hi > leaf"'),
    ('round_trip', ['leaf'], 'round_trip_leaf', 'foo("hi")', '"hi > round-trip > leaf < round-trip"'),
    ('round_trip', ['leaf'], 'round_trip_leaf', 'foo("")', '" > round-trip > leaf < round-trip"'),
    ('tests/caller', ['tests/meeting'], 'tests/caller_meeting', 'foo("meet")', '"wait here met wake it; wake it"'),
    ('tests/caller', ['tests/meeting'], 'tests/caller_meeting', 'foo("count")', '"wait and count met wake total 2; count total 1"'),
    ('tests/caller', ['leaf'], 'tests/caller_leaf', 'foo("cancel")', '"cancelled"'),
    ('tests/caller', ['leaf'], 'tests/caller_leaf', 'foo("many")', '"64 answered"'),
    ('tests/caller', ['leaf'], 'tests/caller_leaf', 'foo("later")', '"answered first"'),
    ('bench/caller-sync', ['bench/callee-sync'], 'bench/sync_call_composed', 'run(1000)', '1000'),
    ('bench/caller-async', ['bench/callee-ready'], 'bench/async_call_ready_composed', 'run(1000)', '1000'),
    ('bench/caller-async', ['bench/callee-blocks-once'], 'bench/async_call_blocks_once_composed', 'run(1000)', '1000'),
    ('bench/caller-future', ['bench/callee-future'], 'bench/async_call_future_composed', 'run(1000)', '1000'),
    ('bench/caller-string', ['bench/callee-string'], 'bench/async_call_string_composed', 'run(1000)', '57000'),
    ('bench/sink', ['bench/source'], 'bench/stream_composed', 'run(1000, 64)', '999000'),
    ('bench/sink', ['bench/source'], 'bench/stream_composed', 'run(1000, 1024)', '999000'),
    ('bench/sink', ['bench/source'], 'bench/stream_composed', 'run(1000, 65536)', '999000'),
    ('bench/caller-burn', ['bench/callee-burn'], 'bench/overlap_composed', 'run(1000000)', '2575111532'),
]

COMMANDS = [  # arguments, input, what is in its output, exit code
    (['print', 'one', 'two words'], b'', b'argument two words\n', 0),
    (['cat'], b'line\n' * 300_000, b'line\n' * 300_000, 0),
    (['cat'], b'', b'', 0),
    (['clocks'], b'', b'clocks ok\n', 0),
    (['random'], b'', b'random ok\n', 0),
    (['exit', '7'], b'', b'leaving\n', 7),
    (['fail'], b'', b'', 1),
]


class Tally:
    def __init__(self):
        self.failed = 0

    def check(self, what, function):
        start = time.monotonic()
        try:
            function()
            print(f'  ok    {what}  ({time.monotonic() - start:.2f} s)', flush=True)
        except Exception as error:
            self.failed += 1
            print(f'  FAIL  {what}: {error}', flush=True)


def calls(host, tally, composed_only):
    for component, plugs, composed, invoke, want in CALLS:
        def one(name=component, parts=plugs):
            done = host.run(name, invoke, parts, composed)
            assert done.returncode == 0, f'exit code {done.returncode}: {done.stderr[:300]}'
            assert done.stdout.strip() == want, f'printed {done.stdout.strip()!r} instead of {want!r}'
        if composed and (composed_only or host.name == 'crank'):
            tally.check(f'{composed} {invoke}', lambda: one(composed, []))
        if not composed_only or not composed:
            tally.check(f'{component} {"".join("+ " + plug + " " for plug in plugs)}{invoke}', one)


def commands(host, tally):
    for arguments, given, want, code in COMMANDS:
        def one():
            command = [host.program, 'run', hosts.guest('tests/command'), *arguments]
            done = subprocess.run(command, input=given, capture_output=True, timeout=60)
            assert done.returncode == code, f'exit code {done.returncode} instead of {code}: {done.stderr[:300]!r}'
            assert want in done.stdout, f'printed {done.stdout[:200]!r}'
        tally.check(f'command {" ".join(arguments)}', one)


def serving(host, tally, component, plugs, composed):
    through = component.startswith('middleware')
    title = component + ''.join(' + ' + plug for plug in plugs)
    with host.serve(component, plugs, composed) as server:
        for check in http_checks.ALL:
            tally.check(f'{title}: {check.__name__.replace("_", " ")}', lambda: check(server.port, through))


def main():
    http = '--without-http' not in sys.argv
    wanted = [word for word in sys.argv[1:] if not word.startswith('--')] or ['peer']
    tally = Tally()
    for name in wanted:
        host = {'peer': hosts.Peer, 'crank': hosts.Crank}[name]()
        if not host.exists and name == 'peer':
            print(f'skipped: {host.program} is not there; tools/get_peer.sh installs it')
            return 77
        if not host.exists:
            sys.exit(f'{host.program} is not there: run make')
        print(f'{name}: {host.program}')
        calls(host, tally, composed_only=name == 'peer')
        commands(host, tally)
        if not http:
            continue
        serving(host, tally, 'service', [], None)
        serving(host, tally, 'middleware_service', [], None)
        if name == 'crank':
            serving(host, tally, 'middleware', ['service'], 'middleware_service')
    print('every check held' if not tally.failed else f'{tally.failed} checks failed')
    return 1 if tally.failed else 0


if __name__ == '__main__':
    sys.exit(main())
