#!/usr/bin/env python3
"""`crank serve` from outside: real components, real sockets. What http_checks.py asks of any host, and what ours promises.

    serve_test.py CRANK GUESTS [NAME...]
"""
import concurrent.futures
import hashlib
import http.client
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'peer'))
import http_checks

CRANK, GUESTS = sys.argv[1], sys.argv[2]


class Serve:
    """A server for the length of a `with`."""

    def __init__(self, *parts, options=()):
        plugs = [word for part in parts[1:] for word in ('--plug', os.path.join(GUESTS, part + '.wasm'))]
        command = [CRANK, 'serve', os.path.join(GUESTS, parts[0] + '.wasm'), *plugs, '--addr', '127.0.0.1:0', *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.port = int(self.line(r'^listening on http://127\.0\.0\.1:(\d+)$').group(1))

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors='replace').rstrip('\n'))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def line(self, pattern):
        """The first line of output that matches, as soon as it is there."""
        at = 0
        with self.changed:
            while True:
                for line in self.lines[at:]:
                    if line is None:
                        raise AssertionError(f'the server ended without a line like {pattern}; it said {self.lines[:-1]}')
                    found = re.search(pattern, line)
                    if found:
                        return found
                at = len(self.lines)
                if not self.changed.wait(60):
                    raise AssertionError(f'no line like {pattern}; it said {self.lines}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError('the server did not stop')
        self.reader.join(10)
        if code != 0:
            raise AssertionError(f'the server ended with {code}; its first lines: {self.lines[:60]}')


def raw(port, data):
    """Sends bytes, reads until the server closes."""
    with socket.create_connection(('127.0.0.1', port), timeout=60) as wire:
        try:
            wire.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        got = b''
        while True:
            try:
                piece = wire.recv(65536)
            except ConnectionResetError:
                return got
            if not piece:
                return got
            got += piece


def exchange(port, path, pieces, framing):
    """Sends a body from a thread of its own while the answer is read, as a client must whose body is echoed."""
    with socket.create_connection(('127.0.0.1', port), timeout=60) as wire:
        def send():
            wire.sendall(f'POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n'.encode())
            for piece in pieces:
                wire.sendall(piece)
        sender = threading.Thread(target=send)
        sender.start()
        response = http.client.HTTPResponse(wire, method='POST')
        response.begin()
        body = response.read()
        sender.join()
        status = response.status
        response.close()
        return status, body


class EveryHost(unittest.TestCase):
    """tests/peer/http_checks.py: what a client must see of these components on any host."""

    def test_the_service_alone(self):
        with Serve('service') as server:
            for check in http_checks.ALL:
                with self.subTest(check.__name__):
                    check(server.port, False)

    def test_a_middleware_plugged_with_a_service(self):
        with Serve('middleware', 'service') as server:
            for check in http_checks.ALL:
                with self.subTest(check.__name__):
                    check(server.port, True)

    def test_one_binary_composed_of_both(self):
        with Serve('middleware_service') as server:
            for check in http_checks.ALL:
                with self.subTest(check.__name__):
                    check(server.port, True)

    def test_one_worker_serves_everything_too(self):
        with Serve('middleware', 'service', options=['--threads', '1']) as server:
            for check in http_checks.ALL:
                with self.subTest(check.__name__):
                    check(server.port, True)


class Connections(unittest.TestCase):
    def test_a_connection_is_kept_and_requests_may_be_sent_ahead(self):
        with Serve('service') as server:
            one = b'GET /status?code=200 HTTP/1.1\r\nHost: a\r\n\r\n'
            last = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
            got = raw(server.port, one * 20 + last)
            self.assertEqual(got.count(b'HTTP/1.1 200 OK\r\n'), 21)
            self.assertTrue(got.endswith(b'Hello from a component.\n'))

    def test_requests_of_many_connections_outlive_the_roots_that_serve_them(self):
        with Serve('middleware', 'service', options=['--max-instance-reuse-count', '3', '--max-instance-concurrent-reuse-count', '2']) as server:
            def several(_):
                connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)
                for _ in range(25):
                    connection.request('GET', '/text?bytes=3000')
                    body = connection.getresponse().read()
                    if body != http_checks.service_text(3000):
                        return False
                connection.close()
                return True
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                self.assertTrue(all(pool.map(several, range(8))))

    def test_clients_that_break_off_leave_their_neighbours_alone(self):
        """Hundreds at once, in the middle of requests and of answers; all of them share roots with those that stay."""
        chance = random.Random(7)
        with Serve('middleware', 'service') as server:
            def stays(_):
                connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)
                for _ in range(20):
                    connection.request('POST', '/slow?ms=20', body=b'x' * 1000)
                    answer = connection.getresponse()
                    if answer.status != 200 or not answer.read().endswith(b'the last line\n'):
                        return False
                return True

            def break_off():
                wires = []
                for _ in range(250):
                    wire = socket.create_connection(('127.0.0.1', server.port), timeout=60)
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                    path = chance.choice(['GET /text?bytes=3000000', 'POST /echo', 'POST /splice', 'POST /slow', 'GET /'])
                    wire.sendall(f'{path} HTTP/1.1\r\nHost: a\r\n'.encode() + chance.choice([b'', b'Accept-Encoding: gzip\r\n'])
                                 + (b'Content-Length: 100000\r\n\r\n' + b'x' * 5000 if 'POST' in path else b'\r\n'))
                    wires.append(wire)
                for wire in chance.sample(wires, 100):
                    wire.settimeout(0.01)
                    try:
                        wire.recv(10000)
                    except TimeoutError:
                        pass
                chance.shuffle(wires)
                for wire in wires:
                    wire.close()

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                staying = [pool.submit(stays, i) for i in range(6)]
                for _ in range(3):
                    break_off()
                self.assertTrue(all(future.result() for future in staying))
        self.assertEqual([line for line in server.lines if line and 'trapped' in line], [])

    def test_random_bodies_come_back_byte_for_byte_in_both_framings(self):
        data = random.Random(1).randbytes(20_000_000)
        want = hashlib.sha256(data).digest()
        with Serve('service') as server:
            for path in ('/echo', '/splice'):
                for chunked in (False, True):
                    pieces = [data[i:i + 100_001] for i in range(0, len(data), 100_001)]
                    if chunked:
                        pieces = [b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces] + [b'0\r\n\r\n']
                    framing = 'Transfer-Encoding: chunked' if chunked else f'Content-Length: {len(data)}'
                    status, got = exchange(server.port, path, pieces, framing)
                    self.assertEqual((status, len(got), hashlib.sha256(got).digest()), (200, len(data), want), (path, chunked))

    def test_an_idle_half_of_a_request_does_not_hold_up_others(self):
        with Serve('service', options=['--threads', '1']) as server:
            slow = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(20)]
            for wire in slow:
                wire.sendall(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf')
            http_checks.greeting(server.port, False)
            for wire in slow:
                wire.close()
            http_checks.greeting(server.port, False)

    def test_clients_that_leave_midway_disturb_nobody(self):
        with Serve('middleware', 'service', options=['--log']) as server:
            for _ in range(10):
                wire = http_checks.Wire(server.port)
                wire.send(b'GET /text?bytes=50000000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n')
                wire.until(lambda got: len(got) > 100_000, 'some of the body')
                wire.close()
                wire = http_checks.Wire(server.port)
                wire.send(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n' + b'x' * 70_000)
                wire.until(lambda got: b'\r\n\r\n' in got, 'the head of an echo')
                wire.close()
            server.line(r'"POST /echo" 200 .* broken off$')
            server.line(r'"GET /text\?bytes=50000000" 200 .* broken off$')
            http_checks.greeting(server.port, True)

    def test_a_reader_that_stops_is_felt_by_the_guest_not_buffered(self):
        with Serve('service') as server:
            wire = http_checks.Wire(server.port)
            wire.send(b'GET /text?bytes=2000000000 HTTP/1.1\r\nHost: a\r\n\r\n')
            wire.until(lambda got: len(got) > 1_000_000, 'a first part')
            with open(f'/proc/{server.process.pid}/statm') as file:
                resident = int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
            self.assertLess(resident, 600_000_000)
            wire.close()
            http_checks.greeting(server.port, False)


class Limits(unittest.TestCase):
    def test_heads_and_bodies_over_their_limits_are_answered(self):
        with Serve('service', options=['--max-body-size', '1000', '--max-header-size', '2000']) as server:
            def status(data):
                return raw(server.port, data).split(b'\r\n')[0]
            post = b'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'
            self.assertIn(b' 431 ', status(b'GET / HTTP/1.1\r\nHost: a\r\nX: ' + b'x' * 5000 + b'\r\n\r\n'))
            self.assertIn(b'head is larger than the 2000 bytes that are allowed\n', raw(server.port, b'GET / HTTP/1.1\r\nX: ' + b'x' * 5000))
            self.assertIn(b"body has 1001 bytes; at most 1000 are allowed\n", raw(server.port, post + b'Content-Length: 1001\r\n\r\n'))
            self.assertIn(b' 413 ', status(post + b'Content-Length: 1001\r\n\r\n' + b'x' * 1001))
            self.assertIn(b' 200 ', status(post + b'Content-Length: 1000\r\n\r\n' + b'x' * 1000))
            self.assertIn(b' 400 ', status(b'GET / HTTP/9.9\r\n\r\n'))
            self.assertIn(b' 400 ', status(random.Random(2).randbytes(300) + b'\r\n\r\n'))
            self.assertIn(b' 400 ', status(post + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'))
            http_checks.greeting(server.port, False)

    def test_a_chunked_body_over_its_limit_is_broken_off(self):
        with Serve('service', options=['--max-body-size', '1000']) as server:
            got = raw(server.port, b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' + b'64\r\n' + b'x' * 100 + b'\r\n' +
                      b'400\r\n' + b'x' * 1024 + b'\r\n0\r\n\r\n')
            self.assertFalse(got.endswith(b'\r\n0\r\n\r\n'), 'a cut body must not look whole')
            http_checks.greeting(server.port, False)


class Failures(unittest.TestCase):
    def test_a_trap_is_one_sentence_a_500_and_a_fresh_root(self):
        with Serve('service') as server:
            self.assertEqual(http_checks.request(server.port, 'GET', '/trap')[0], 500)
            server.line(r'GET /trap: service trapped .*unreachable.*; answered 500$')
            http_checks.greeting(server.port, False)

    def test_a_trap_of_the_service_leaves_its_middleware_alive(self):
        with Serve('middleware', 'service') as server:
            for _ in range(3):
                self.assertEqual(http_checks.request(server.port, 'GET', '/trap')[0], 500)
                http_checks.greeting(server.port, True)
            server.line(r'GET /trap: .*internal-error.*unreachable.*; answered 500$')

    def test_a_guest_that_loops_meets_its_deadline(self):
        with Serve('service', options=['--request-timeout', '500ms']) as server:
            self.assertEqual(http_checks.request(server.port, 'GET', '/loop')[0], 504)
            server.line(r'GET /loop: .*computed for the 500 ms it may without a pause.*; answered 504$')
            http_checks.greeting(server.port, False)

    def looping_guests_leave_room(self, parts, warm, status):
        """Each worker has a guest that computes for ever, and every other request is answered meanwhile."""
        with Serve(*parts, options=['--threads', '2', '--request-timeout', '6s']) as server:
            for _ in range(warm):
                http_checks.request(server.port, 'GET', '/')
            # Connections go to the workers in turn, the less busy one first.
            loops = [http_checks.Wire(server.port, timeout=60) for _ in range(2)]
            for wire in loops:
                wire.send(b'GET /loop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            for _ in range(10):
                self.assertEqual(http_checks.request(server.port, 'GET', '/')[0], 200)
            self.assertEqual(select.select([wire.socket for wire in loops], [], [], 0)[0], [], 'they were to loop meanwhile')
            for wire in loops:
                wire.until(lambda got: b'\r\n\r\n' in got, 'an answer when its time is over')
                self.assertRegex(wire.got.split(b'\r\n')[0], b' (%s) ' % status)
                wire.close()
            server.line(r'service trapped in .*computed for the 6000 ms it may without a pause')
            http_checks.greeting(server.port, len(parts) > 1)

    def test_guests_that_loop_on_every_worker_hold_up_nobody(self):
        self.looping_guests_leave_room(['service'], 0, b'504')

    def test_nor_do_they_once_the_function_is_known_to_be_short(self):
        self.looping_guests_leave_room(['service'], 100, b'504')

    def test_nor_behind_a_middleware(self):
        self.looping_guests_leave_room(['middleware', 'service'], 100, b'500|504')

    def test_a_missing_service_is_a_bad_gateway(self):
        with Serve('middleware', options=['--no-network']) as server:
            self.assertEqual(http_checks.request(server.port, 'GET', '/')[0], 403)
            server.line(r'GET /: the handler answered the error HTTP-request-denied; answered 403$')

    def test_a_middleware_without_a_plug_reaches_the_service_over_the_network(self):
        with Serve('service') as behind, Serve('middleware', options=['--allow-host', '127.0.0.1']) as front:
            # The guest passes the request on: its authority decides where to.
            connection = http.client.HTTPConnection('127.0.0.1', front.port, timeout=60)
            connection.request('GET', '/text?bytes=100000', headers={'Host': f'127.0.0.1:{behind.port}', 'Accept-Encoding': 'identity'})
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (200, http_checks.service_text(100000)))
            data = random.Random(3).randbytes(3_000_000)
            connection.request('POST', '/echo', data, headers={'Host': f'127.0.0.1:{behind.port}', 'Accept-Encoding': 'identity'})
            response = connection.getresponse()
            self.assertTrue(response.status == 200 and response.read() == data)
            connection.close()


class Hostile(unittest.TestCase):
    """tests/guests/component/hostile.cc: each way to misbehave is one status, one sentence, and the next is answered."""

    def expect(self, path, status, sentence, options=(), body=None, timeout='60s'):
        with Serve('tests/hostile', options=['--request-timeout', timeout, *options]) as server:
            try:
                got = http_checks.request(server.port, 'POST' if body else 'GET', path, body)[0]
            except (http.client.HTTPException, ConnectionError):
                got = 'broken off'
            self.assertEqual(got, status)
            if sentence:
                server.line(sentence)
            self.assertEqual(http_checks.request(server.port, 'GET', '/')[::2], (200, b'alive\n'))

    def test_a_trap_after_the_head_went_out_breaks_the_body_off(self):
        self.expect('/trap-late', 'broken off', r'hostile trapped in .*unreachable.* \(at .*\); the next call gets a fresh root$')
        self.expect('/trap-late', 'broken off', r"GET /trap-late: the response's body was broken off: ")

    def test_a_loop_after_the_head_went_out_is_ended(self):
        self.expect('/loop-late', 'broken off', r'hostile trapped in .*computed for the 2000 ms it may without a pause', timeout='2s')

    def test_a_guest_that_waits_for_nothing_is_a_deadlock_in_one_line(self):
        self.expect('/never', 500, r'GET /never: deadlock detected: .*waits for an event in a waitable set that is empty; answered 500$')

    def test_a_guest_that_never_answers_meets_its_deadline(self):
        with Serve('tests/hostile', options=['--request-timeout', '500ms']) as server:
            wire = http_checks.Wire(server.port)
            wire.send(b'POST /holds HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
            wire.until(lambda got: b'\r\n\r\n' in got, 'an answer')
            self.assertIn(b' 504 ', wire.got.split(b'\r\n')[0])
            server.line(r'POST /holds: .*did not end in time.*; answered 504$')
            self.assertEqual(http_checks.request(server.port, 'GET', '/')[0], 200)
            wire.close()

    def test_an_end_without_an_answer(self):
        self.expect('/nothing', 500, r'GET /nothing: .*failed to produce a result.*; answered 500$')

    def test_memory_without_end(self):
        self.expect('/memory', 500, r'GET /memory: .*with \d+ MiB of memory, of 64 MiB it may have.*; answered 500$',
                    options=['--max-memory', str(64 << 20)])

    def test_handles_without_end(self):
        self.expect('/handles', 503, r'GET /handles: .*holds 1048576 handles, the most it may; it should drop some; answered 503$')

    def test_recursion_without_end(self):
        self.expect('/deep', 500, r'GET /deep: .*(call stack exhausted|out of bounds memory access); answered 500$')

    def test_headers_without_end(self):
        self.expect('/headers?count=1000000', 502, r'the handler answered the error HTTP-response-header-section-size; answered 502$')

    def test_a_body_shorter_or_longer_than_it_says(self):
        self.expect('/short', 'broken off', r"GET /short: the response's body was broken off: HTTP-response-body-size: 10$")
        self.expect('/long', 'broken off', r"GET /long: the response's body was broken off: HTTP-response-body-size: 100$")

    def test_an_error_as_the_answer(self):
        self.expect('/error', 500, r'GET /error: the handler answered the error configuration-error; answered 500$')

    def test_a_request_that_nobody_reads(self):
        self.expect('/early', 200, None, body=b'x' * 3_000_000)

    def test_a_body_without_end_ends_with_its_client(self):
        with Serve('tests/hostile', options=['--log']) as server:
            wire = http_checks.Wire(server.port)
            wire.send(b'GET /endless HTTP/1.1\r\nHost: a\r\n\r\n')
            wire.until(lambda got: len(got) > 1_000_000, 'a first part')
            wire.close()
            server.line(r'127\.0\.0\.1:\d+ "GET /endless" 200 .* broken off$')
            self.assertEqual(http_checks.request(server.port, 'GET', '/')[0], 200)


class Stopping(unittest.TestCase):
    def stop_during_a_response(self, which):
        with Serve('service') as server:
            wire = http_checks.Wire(server.port)
            wire.send(b'POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhold\r\n')
            wire.until(lambda got: b'the first line' in got, 'the first line')
            server.process.send_signal(which)
            # Refused as soon as the signal is seen; until then a connection may still be accepted.
            while True:
                try:
                    socket.create_connection(('127.0.0.1', server.port), timeout=5).close()
                except OSError:
                    break
            wire.send(b'0\r\n\r\n')
            wire.until(lambda got: got.endswith(b'0\r\n\r\n'), 'the end')
            self.assertIn(b'the last line', wire.got)
            self.assertEqual(server.process.wait(40), 0)
            wire.close()

    def test_sigint_lets_requests_in_flight_finish(self):
        self.stop_during_a_response(signal.SIGINT)

    def test_sigterm_lets_requests_in_flight_finish(self):
        self.stop_during_a_response(signal.SIGTERM)

    def test_a_second_signal_does_not_wait(self):
        with Serve('service') as server:
            wire = http_checks.Wire(server.port)
            wire.send(b'POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhold\r\n')
            wire.until(lambda got: b'the first line' in got, 'the first line')
            for _ in range(2):
                server.process.send_signal(signal.SIGINT)
                while True:
                    try:
                        socket.create_connection(('127.0.0.1', server.port), timeout=5).close()
                    except OSError:
                        break
            self.assertEqual(server.process.wait(40), 0)
            wire.close()


class AccessLog(unittest.TestCase):
    def test_each_request_is_a_line(self):
        with Serve('service', options=['--log']) as server:
            http_checks.request(server.port, 'POST', '/echo', b'12345')
            server.line(r'127\.0\.0\.1:\d+ "POST /echo" 200 in=5 out=5 \d+\.\d+ms$')


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2, warnings='ignore')
