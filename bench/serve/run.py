#!/usr/bin/env python3
"""`make bench-serve`: Crank beside its peer, the same components, interleaved on the same machine.

    bench/serve/run.py [--quick] [--only ROW,ROW] [--output build/bench/serve.json]

HTTP rows: wrk on loopback, one thread of it, bounded time, median of the rounds; both hosts reuse an instance for 128
requests, 16 at once. Call and stream rows: the loop is inside the guest; the wall time of the whole process at two loop
counts, subtracted, so that starting and compiling cancel out; the least of the rounds. Both hosts answer the same values,
or the row fails. A host that is not built leaves its column empty.

`ratio` above 1 means that Crank is better, whatever the unit.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tools'))
import hosts

CRANK, PEER = hosts.Crank(), hosts.Peer()


class Row:
    """One line of the table. `goal` is a ratio that must hold, or none: then at least equal is the aim."""

    def __init__(self, name, unit, ours, peer, more_is_better=False, goal=None, target=None, holds=None, detail=None):
        self.name, self.unit, self.ours, self.peer = name, unit, ours, peer
        self.ratio = None
        if ours and peer:
            self.ratio = ours / peer if more_is_better else peer / ours
        self.target = target if target is not None else f'{goal or 1:g} times the peer'
        self.holds = holds
        if holds is None and self.ratio is not None:
            self.holds = self.ratio >= (goal or 1)
        self.must = goal is not None or target is not None
        self.detail = detail or {}

    def record(self):
        return {'name': self.name, 'unit': self.unit, 'ours': self.ours, 'peer': self.peer, 'ratio': self.ratio,
                'target': self.target, 'holds': self.holds, 'must': self.must, 'detail': self.detail}


def present(*candidates):
    return [host for host in candidates if host.exists]


# HTTP ---------------------------------------------------------------------------------------------------------------

UNITS = {'us': 1e-6, 'ms': 1e-3, 's': 1.0, 'm': 60.0}


def wrk(port, connections, seconds, headers=()):
    command = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--latency', '--timeout', '5s']
    for header in headers:
        command += ['-H', header]
    text = subprocess.run(command + [f'http://127.0.0.1:{port}/'], capture_output=True, text=True, timeout=seconds + 30).stdout

    def latency(percent):
        found = re.search(rf'^\s*{percent}%\s+([\d.]+)(us|ms|s|m)\s*$', text, re.M)
        return float(found.group(1)) * UNITS[found.group(2)] * 1e6 if found else None

    errors = re.search(r'Non-2xx or 3xx responses: (\d+)', text)
    broken = re.search(r'Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)', text)
    return {'rate': float(re.search(r'Requests/sec:\s+([\d.]+)', text).group(1)), 'p50_us': latency(50), 'p99_us': latency(99),
            'errors': (int(errors.group(1)) if errors else 0) + (sum(map(int, broken.groups())) if broken else 0)}


def http_row(name, component, plugs, composed, connections, options, goal, headers=()):
    runs = {CRANK: [], PEER: []}
    for _ in range(options.rounds):
        for host in present(CRANK, PEER):
            with host.serve(component, plugs, composed) as server:
                wrk(server.port, connections, 1, headers)  # warm: compiled, instantiated, connected once
                runs[host].append(wrk(server.port, connections, options.seconds, headers))

    def middle(host):
        if not runs[host]:
            return None
        by_rate = sorted(runs[host], key=lambda run: run['rate'])
        return by_rate[len(by_rate) // 2]

    ours, peer = middle(CRANK), middle(PEER)
    return Row(name, 'requests/s', ours and ours['rate'], peer and peer['rate'], more_is_better=True, goal=goal,
               detail={'ours': ours, 'peer': peer, 'rates': {host.name: [round(run['rate']) for run in runs[host]] for host in runs}})


# Calls and streams --------------------------------------------------------------------------------------------------

def timed(command, timeout=180):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    took = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}\nended with {done.returncode}: {done.stderr[:400]}')
    return took, done.stdout.strip()


def per_operation(component, plugs, composed, invoke, low, high, options):
    """Nanoseconds of one operation on each host, and whether all answers were the same."""
    walls = {(host, count): [] for host in (CRANK, PEER) for count in (low, high)}
    answers = {low: set(), high: set()}
    for _ in range(options.repeats):
        for host in present(CRANK, PEER):
            for count in (low, high):
                took, answer = timed(host.run_command(component, invoke.format(count), plugs, composed))
                walls[host, count].append(took)
                answers[count].add(answer)
    if any(len(different) > 1 for different in answers.values()):
        raise RuntimeError(f'{component} {invoke}: the hosts do not answer the same: {answers}')

    def cost(host, of):
        if not walls[host, low]:
            return None
        return max((of(walls[host, high]) - of(walls[host, low])) / (high - low) * 1e9, 0.01)

    return {host: (cost(host, min), cost(host, statistics.median)) for host in (CRANK, PEER)}


# row, component, plug, composed, invocation, low, high, goal. The peer never frees calls that complete at once, so their
# counts stay where it still works.
LOOPS = [
    ('sync_call', 'bench/caller-sync', 'bench/callee-sync', 'bench/sync_call_composed', 'run({})', 1_000_000, 5_000_000, None),
    ('async_call_ready', 'bench/caller-async', 'bench/callee-ready', 'bench/async_call_ready_composed', 'run({})', 50_000, 250_000, 10),
    ('async_call_blocks_once', 'bench/caller-async', 'bench/callee-blocks-once', 'bench/async_call_blocks_once_composed', 'run({})', 50_000, 250_000, 10),
    ('async_call_future', 'bench/caller-future', 'bench/callee-future', 'bench/async_call_future_composed', 'run({})', 20_000, 100_000, 5),
    ('async_call_string', 'bench/caller-string', 'bench/callee-string', 'bench/async_call_string_composed', 'run({})', 50_000, 250_000, None),
    ('stream_64B', 'bench/sink', 'bench/source', 'bench/stream_composed', 'run({}, 64)', 50_000, 450_000, None),
    ('stream_1KiB', 'bench/sink', 'bench/source', 'bench/stream_composed', 'run({}, 1024)', 50_000, 450_000, 3),
    ('stream_64KiB', 'bench/sink', 'bench/source', 'bench/stream_composed', 'run({}, 65536)', 10_000, 90_000, None),
]


def loop_row(name, component, plug, composed, invoke, low, high, goal, options):
    cost = per_operation(component, [plug], composed, invoke, low, high, options)
    ours, peer = cost[CRANK], cost[PEER]
    row = Row(name, 'ns', ours[0], peer[0], goal=goal, detail={'medians': {'ours': ours[1], 'peer': peer[1]}})
    if name == 'sync_call':
        row.target, row.must = '60 ns', False
        row.holds = None if ours[0] is None else ours[0] <= 60
    return row


def overlap_row(options):
    """A caller starts a call that burns the processor, burns as much itself, then awaits it."""
    rounds = 600_000_000
    repeats = max(options.rounds, 3)  # both halves of the fraction are the least of several: one alone says little
    walls = {'ours': [], 'alone': [], 'peer': []}
    answers = set()
    for _ in range(repeats):
        for host, key, more in ((CRANK, 'ours', []), (CRANK, 'alone', ['--threads', '1']), (PEER, 'peer', [])):
            if not host.exists:
                continue
            took, answer = timed(host.run_command('bench/caller-burn', f'run({rounds})', ['bench/callee-burn'], 'bench/overlap_composed') + more)
            walls[key].append(took)
            answers.add(answer)
    if len(answers) > 1:
        raise RuntimeError(f'overlap: the hosts do not answer the same: {answers}')
    ours, alone, peer = (min(walls[key]) if walls[key] else None for key in ('ours', 'alone', 'peer'))
    fraction = ours / alone if ours and alone else None
    return Row('overlap', 's', ours, peer, target='0.6 of its single-threaded time',
               holds=None if fraction is None else fraction < 0.6, detail={'single_threaded': alone, 'fraction': fraction, 'walls': walls})


# Loading, memory, sizes ---------------------------------------------------------------------------------------------

def load_row(options):
    """A whole process that loads a composition of real components, compiles and instantiates it, and makes one call of 10 ms.
    The peer's command line keeps compiled code on disk by default; here it compiles anew, and its warm figure stands beside."""
    walls = {'ours': [], 'peer': [], 'peer_from_its_cache': []}
    call = ('round_trip', 'foo("hi")', ['leaf'], 'round_trip_leaf')
    for _ in range(options.repeats):
        if CRANK.exists:
            walls['ours'].append(timed(CRANK.run_command(*call))[0])
        if PEER.exists:
            warm = PEER.run_command(*call)
            walls['peer'].append(timed(warm[:2] + ['-C', 'cache=n'] + warm[2:])[0])
            walls['peer_from_its_cache'].append(timed(warm)[0])
    least = {key: min(times) * 1e3 - 10 if times else None for key, times in walls.items()}
    return Row('load_and_instantiate', 'ms', least['ours'], least['peer'], detail=least)


def idle_row(options):
    """Resident memory of a server that has answered one request and then nothing for two seconds."""
    sizes = {}
    for host in (CRANK, PEER):
        sizes[host] = None
        if host.exists:
            with host.serve('middleware', ['service'], 'middleware_service') as server:
                wrk(server.port, 1, 1)
                time.sleep(2)
                sizes[host] = server.memory()
    return Row('idle_bytes', 'bytes', sizes[CRANK], sizes[PEER])


def size_row(options):
    """Our C++ components; the peer column is what the same kind of guest took with wit-bindgen's own C glue."""
    sizes = {name: os.path.getsize(hosts.guest(name)) for name in ('leaf', 'round_trip', 'service', 'middleware')}
    known = {'leaf': 20_600, 'round_trip': 24_500, 'service': 32_800, 'middleware': 100_800}
    return Row('guest_sizes', 'bytes', sum(sizes.values()), sum(known.values()), detail={'ours': sizes, 'peer': known})


def peak_memory(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read().decode(errors='replace')
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}\nended with {process.returncode}: {errors[:300]}')
    return usage.ru_maxrss * 1024


def calls_row(options):
    """Growth of peak memory from a hundred thousand calls to ten million; the peer's, which does not get so far, to 250,000."""
    def growth(host, count):
        arguments = ('bench/caller-async', ['bench/callee-ready'], 'bench/async_call_ready_composed')
        few = peak_memory(host.run_command(arguments[0], 'run(100000)', *arguments[1:]))
        return peak_memory(host.run_command(arguments[0], f'run({count})', *arguments[1:])) - few

    ours = growth(CRANK, 10_000_000) if CRANK.exists else None
    peer = growth(PEER, 250_000) if PEER.exists else None
    row = Row('calls_10M_rss', 'bytes grown', ours, peer, target='flat: below 1 MiB', holds=None if ours is None else ours < 1 << 20,
              detail={'peer_calls': 250_000})
    row.ratio = None
    return row


def rows(options):
    wanted = set(options.only.split(',')) if options.only else None
    middleware = ('middleware', ['service'], 'middleware_service')
    makers = [
        ('service_c1', lambda: http_row('service_c1', 'service', [], None, 1, options, None)),
        ('service_c16', lambda: http_row('service_c16', 'service', [], None, 16, options, 1.3)),
        ('middleware_c1', lambda: http_row('middleware_c1', *middleware, 1, options, None)),
        ('middleware_c16', lambda: http_row('middleware_c16', *middleware, 16, options, 1.3)),
        ('middleware_gzip_c16', lambda: http_row('middleware_gzip_c16', *middleware, 16, options, None, ['Accept-Encoding: gzip'])),
        ('overlap', lambda: overlap_row(options)),
        *((loop[0], lambda loop=loop: loop_row(*loop, options)) for loop in LOOPS),
        ('load_and_instantiate', lambda: load_row(options)),
        ('idle_bytes', lambda: idle_row(options)),
        ('guest_sizes', lambda: size_row(options)),
        ('calls_10M_rss', lambda: calls_row(options)),
    ]
    for name, make in makers:
        if wanted and name not in wanted:
            continue
        try:
            yield make()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            yield Row(name, '', None, None, holds=False, detail={'error': str(error)})


def shown(value):
    if value is None:
        return '-'
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.3g}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--quick', action='store_true', help='one round of a second: to see that it works, not to quote')
    parser.add_argument('--only', help='rows, separated by commas')
    parser.add_argument('--output', default=os.path.join(ROOT, 'build', 'bench', 'serve.json'))
    options = parser.parse_args()
    options.rounds, options.repeats, options.seconds = (1, 2, 1) if options.quick else (3, 5, 4)
    for host in (CRANK, PEER):
        if not host.exists:
            print(f'{host.program} is not there: its column stays empty', file=sys.stderr)

    print(f'{"row":26} {"unit":12} {"ours":>14} {"peer":>14} {"ratio":>8}  goal', flush=True)
    done = []
    for row in rows(options):
        done.append(row)
        ratio = f'{row.ratio:.2f}' if row.ratio is not None else '-'
        verdict = {None: '', True: 'holds', False: 'MISSED' if row.must else 'missed'}[row.holds]
        print(f'{row.name:26} {row.unit:12} {shown(row.ours):>14} {shown(row.peer):>14} {ratio:>8}  {row.target}: {verdict}', flush=True)
        if row.unit == 'requests/s' and row.detail['ours'] and row.detail['peer']:
            for key in ('p50_us', 'p99_us', 'errors'):
                print(f'{"":10}{key:28} {shown(row.detail["ours"][key]):>14} {shown(row.detail["peer"][key]):>14}')
        if 'error' in row.detail:
            print('    ' + row.detail['error'].replace('\n', '\n    '))
    os.makedirs(os.path.dirname(options.output), exist_ok=True)
    with open(options.output, 'w') as out:
        json.dump({'suite': 'serve', 'peer': 'wasmtime 49', 'rows': [row.record() for row in done]}, out, indent=1)
    print(f'written to {options.output}')


if __name__ == '__main__':
    main()
