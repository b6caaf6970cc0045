#!/usr/bin/env python3
"""The act `compose`: a call through two components, then two components behind HTTP, on real input, every byte checked.

Plays on build/bin/crank (CRANK_PROGRAM) with the guests of the build (CRANK_GUESTS). Ends with 0 when all of it held.
"""
import concurrent.futures
import hashlib
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, 'tools'), os.path.join(ROOT, 'tests', 'peer')]
import hosts
import http_checks as web

CLIENTS = 6


def say(text=''):
    print(text, flush=True)


def size(number):
    return f'{number / 1e6:.2f} MB' if number >= 1e6 else f'{number / 1e3:.1f} KB'


def short(path):
    return os.path.relpath(path, ROOT) if path.startswith(ROOT) else path


def check(held, sentence):
    if not held:
        raise SystemExit('the act failed: ' + sentence)


def round_trip(host):
    say('1. A call through two components')
    say('     round_trip:foo  --await-->  leaf:foo  --await-->  wasi:clocks (10 ms)')
    want = '"hi > round-trip > leaf < round-trip"'
    ways = [('round_trip', ['leaf'], 'two roots, linked when started'), ('round_trip_leaf', [], 'one binary composed of them')]
    for component, plugs, how in ways:
        start = time.monotonic()
        done = host.run(component, 'foo("hi")', plugs)
        took = time.monotonic() - start
        check(done.returncode == 0, f'{component} ended with {done.returncode}: {done.stderr.strip()}')
        check(done.stdout.strip() == want, f'{component} answered {done.stdout.strip()} instead of {want}')
        plugged = ''.join(f' --plug {plug}.wasm' for plug in plugs)
        say(f"     $ crank run {component}.wasm{plugged} --invoke 'foo(\"hi\")'")
        say(f'     {done.stdout.strip()}   ({how}; {took * 1e3:.0f} ms with loading and compiling)')
    say()


def job(port, data, sent, path, there, back):
    headers = {'Accept-Encoding': back, 'Content-Type': 'text/plain'}
    if there != 'identity':
        headers['Content-Encoding'] = there
    start = time.monotonic()
    status, got, answer = web.request(port, 'POST', path, sent[there], headers)
    took = time.monotonic() - start
    check(status == 200, f'POST {path} was answered {status}')
    used = got.get('content-encoding', 'identity')
    check(used == back, f'POST {path}: {back} was asked for, {used} came')
    plain = web.decode(used, answer)
    check(plain == data, f'POST {path}, {there} there, {back} back: the bytes are not those that were sent')
    return path, there, back, len(sent[there]), len(answer), took, hashlib.sha256(plain).hexdigest()


def traffic(server, data):
    """All ways of sending the text through, several at once; what came back, by way."""
    codings = ('identity', 'gzip', 'deflate')
    sent = {coding: web.encode(coding, data) for coding in codings}
    jobs = [(path, there, back) for path in ('/echo', '/splice') for there in codings for back in codings]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        return [done.result() for done in [pool.submit(job, server.port, data, sent, *one) for one in jobs]]


def served(host, component, plugs, data, full):
    with host.serve(component, plugs) as server:
        plugged = ''.join(f' --plug {plug}.wasm' for plug in plugs)
        say(f'     $ crank serve {component}.wasm{plugged} --addr 127.0.0.1:0')
        say(f'     listening on http://127.0.0.1:{server.port}')
        start = time.monotonic()
        answers = traffic(server, data)
        took = time.monotonic() - start
        moved = sum(one[3] + one[4] for one in answers)
        if full:
            say(f'     {"":8} {"request":>10} {"":10} {"answer":>10}')
            for path, there, back, out, back_size, seconds, _ in sorted(answers):
                say(f'     {path:8} {size(out):>10} {there:10} {size(back_size):>10} {back:10} {seconds * 1e3:6.0f} ms  the same bytes')
        say(f'     {len(answers)} requests of a {size(len(data))} text, {CLIENTS} clients at once: {took:.2f} s, {size(moved)} on the wire')
        for function, sentence in (
                (web.text, 'texts of 0 bytes to 2 MB, in every coding'),
                (web.headers_before_the_end, 'headers and first line arrive while the service still holds its last line'),
                (web.left_alone, 'nothing is coded that must not be: HEAD, 204, 304, q=0'),
                (web.damaged_body, 'a damaged gzip body is an error for that client only'),
                (web.trap_is_one_request, 'a trap in the service is a 5xx for one request; the next is answered')):
            try:
                function(server.port, True)
            except AssertionError as error:
                raise SystemExit(f'the act failed: {sentence}: {error}') from None
            say(f'     ok: {sentence}')
    check(server.process.returncode == 0, f'serve ended with {server.process.returncode} when it was told to stop')
    return sorted((one[0], one[1], one[2], one[6]) for one in answers)


def main():
    began = time.monotonic()
    host = hosts.Crank()
    check(host.exists, f'{host.program} is not built: run make')
    names = ('leaf', 'round_trip', 'service', 'middleware')
    say('0. The components: C++ coroutines over crank/guest, built by our CMake')
    for name in names:
        say(f'     {short(hosts.guest(name)):40} {size(os.path.getsize(hosts.guest(name))):>9}')
    say()
    round_trip(host)
    say('2. Two components behind HTTP, each a root of its own')
    say('     client --> wasi:http --> [ middleware ]  --wasi:http/handler-->  [ service ]')
    say('                                gzip, deflate: both directions, while both bodies stream')
    data = web.real_text()
    two = served(host, 'middleware', ['service'], data, full=True)
    say()
    say('3. The same parts as one binary, composed by wasm-tools')
    one = served(host, 'middleware_service', [], data, full=False)
    check(one == two, 'the single binary and the two roots do not answer the same bytes')
    say('     ok: the same bytes as from the two roots')
    say()
    say(f'All of it held, in {time.monotonic() - began:.1f} s. Where to look next:')
    say('     examples/middleware/middleware.cc     the middleware: coroutines that await streams')
    say('     crank/guest/component.h               how a component is written in C++')
    say('     crank/component/                      the host: tasks, streams, instances as actors')
    say('     crank inspect build/release/guests/middleware.wasm      what it imports, and what would satisfy it')


if __name__ == '__main__':
    main()
