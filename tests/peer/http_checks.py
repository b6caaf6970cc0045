"""What a client must see of `service`, and of `middleware` in front of it, on any host: byte for byte, and in time.

Each check is a function of (port, through_middleware) that raises AssertionError with a sentence.
"""
import concurrent.futures
import gzip
import http.client
import os
import re
import socket
import zlib

LINE = b'An actor awaits its turn, and the crank turns for it. '


def service_text(size):
    """What GET /text?bytes=size answers (examples/service/service.cc, text_line)."""
    lines = (size + 63) // 64
    out = bytearray()
    for n in range(lines):
        shift = n % len(LINE)
        out += b'%08d ' % n + LINE[shift:] + LINE[:shift] + b'\n'
    return bytes(out[:size])


def real_text(least=3_000_000):
    """A few megabytes of text that people wrote: the licences every Debian carries, else this project's own files."""
    folder = '/usr/share/common-licenses'
    if os.path.isdir(folder):
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    else:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        paths = [os.path.join(base, name) for base, _, names in sorted(os.walk(os.path.join(root, 'wit'))) for name in sorted(names)]
    once = b''.join(open(path, 'rb').read() for path in paths if os.path.isfile(path))
    return once * (least // len(once) + 1)


def encode(coding, data):
    if coding == 'gzip':
        return gzip.compress(data, 6, mtime=0)
    if coding == 'deflate':
        return zlib.compress(data)
    return data


def decode(coding, data):
    if coding == 'gzip':
        return gzip.decompress(data)
    if coding == 'deflate':
        return zlib.decompress(data)
    return data


def request(port, method, path, body=None, headers=None, chunked=False, timeout=60):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {}, encode_chunked=chunked)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def same(what, got, want):
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise AssertionError(f'{what}: {len(got)} bytes instead of {len(want)}, the first difference at {at}')


def greeting(port, through_middleware):
    status, headers, body = request(port, 'GET', '/')
    assert status == 200, f'GET / answered {status}'
    same('GET /', body, b'Hello from a component.\n')
    assert 'content-encoding' not in headers, 'GET / was coded though nobody asked'
    status, _, _ = request(port, 'GET', '/nothing')
    assert status == 404, f'GET /nothing answered {status}'


def text(port, through_middleware):
    for size in (0, 1, 63, 64, 65, 70_000, 2_000_000):
        want = service_text(size)
        for coding in ('identity', 'gzip', 'deflate'):
            status, headers, body = request(port, 'GET', f'/text?bytes={size}', headers={'Accept-Encoding': coding})
            assert status == 200, f'/text?bytes={size} answered {status}'
            used = headers.get('content-encoding', 'identity')
            if through_middleware:
                assert used == coding, f'/text?bytes={size}: {coding} was asked for, {used} came'
            same(f'/text?bytes={size} as {coding}', decode(used, body), want)


def echo(port, through_middleware, at_once=6):
    data = real_text()
    codings = ('identity', 'gzip', 'deflate') if through_middleware else ('identity',)
    sent = {coding: encode(coding, data) for coding in codings}

    def one(job):
        path, there, back, chunked = job
        headers = {'Accept-Encoding': back, 'Content-Type': 'text/x-licence'}
        if there != 'identity':
            headers['Content-Encoding'] = there
        body = sent[there]
        if chunked:
            pieces = [body[i:i + 60_000] for i in range(0, len(body), 60_000)]
            headers['Transfer-Encoding'] = 'chunked'
            status, got, answer = request(port, 'POST', path, iter(pieces), headers, chunked=True)
        else:
            status, got, answer = request(port, 'POST', path, body, headers)
        what = f'POST {path}, {there} there, {back} back{", chunked" if chunked else ""}'
        assert status == 200, f'{what}: answered {status}'
        assert got.get('content-type') == 'text/x-licence', f'{what}: content-type {got.get("content-type")}'
        used = got.get('content-encoding', 'identity')
        if through_middleware:
            assert used == back, f'{what}: {used} came'
            if back != 'identity':
                assert 'accept-encoding' in got.get('vary', '').lower(), f'{what}: no Vary'
                assert len(answer) < len(data) / 2, f'{what}: {len(answer)} bytes are not compressed'
        same(what, decode(used, answer), data)

    jobs = [(path, there, back, chunked) for path in ('/echo', '/splice') for there in codings for back in codings
            for chunked in (False, True)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(one, job) for job in jobs]:
            done.result()


class Wire:
    """One connection, by hand: what has arrived so far can be asked."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        self.got = b''

    def send(self, data):
        self.socket.sendall(data)

    def until(self, done, what):
        while not done(self.got):
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f'{what}: nothing more came; so far {self.got!r}') from None
            if not piece:
                raise AssertionError(f'{what}: the connection ended; so far {self.got!r}')
            self.got += piece

    def close(self):
        self.socket.close()


def chunks(data):
    """The payload of what has arrived of a chunked body, and whether it has ended."""
    payload = b''
    while True:
        head = re.match(rb'([0-9a-fA-F]+)[^\r\n]*\r\n', data)
        if not head:
            return payload, False
        size = int(head.group(1), 16)
        if size == 0:
            return payload, True
        if len(data) < head.end() + size + 2:
            return payload + data[head.end():head.end() + size], False
        payload += data[head.end():head.end() + size]
        data = data[head.end() + size + 2:]


def partly_decoded(coding, data):
    if coding == 'identity':
        return data
    return zlib.decompressobj(31 if coding == 'gzip' else 15).decompress(data)


def headers_before_the_end(port, through_middleware):
    """The answer's headers and first line arrive while the service still holds its last one: it waits for the end of a
    request body that we keep open."""
    for coding in ('identity', 'gzip', 'deflate') if through_middleware else ('identity',):
        wire = Wire(port)
        wire.send(b'POST /slow HTTP/1.1\r\nHost: crank\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: ' + coding.encode() +
                  b'\r\n\r\n4\r\nhold\r\n')
        wire.until(lambda got: b'\r\n\r\n' in got, f'/slow as {coding}, headers')
        head, _ = wire.got.split(b'\r\n\r\n', 1)
        assert b' 200 ' in head.split(b'\r\n')[0], f'/slow as {coding}: {head.split(b"?")[0]!r}'

        def body(got):
            return chunks(got.split(b'\r\n\r\n', 1)[1])

        first = b'the first line\n'
        wire.until(lambda got: partly_decoded(coding, body(got)[0]) == first, f'/slow as {coding}, first line')
        assert not body(wire.got)[1], f'/slow as {coding}: ended before it was told to'
        wire.send(b'0\r\n\r\n')
        wire.until(lambda got: body(got)[1], f'/slow as {coding}, the end')
        same(f'/slow as {coding}', decode(coding, body(wire.got)[0]), first + b'the last line\n')
        wire.close()


def left_alone(port, through_middleware):
    """What must not be coded is not: no body, a refusal, nothing of ours asked for."""
    accept = {'Accept-Encoding': 'gzip, deflate'}
    status, headers, body = request(port, 'HEAD', '/', headers=accept)
    assert (status, body) == (200, b'') and 'content-encoding' not in headers, f'HEAD /: {status} {headers}'
    for code in (204, 304):
        status, headers, body = request(port, 'GET', f'/status?code={code}', headers=accept)
        assert (status, body) == (code, b'') and 'content-encoding' not in headers, f'{code}: {status} {headers}'
    for refusing in ('identity', 'gzip;q=0, deflate;q=0', 'br', '*;q=0'):
        _, headers, _ = request(port, 'GET', '/', headers={'Accept-Encoding': refusing})
        assert 'content-encoding' not in headers, f'Accept-Encoding: {refusing} got {headers["content-encoding"]}'


def damaged_body(port, through_middleware):
    """A body that is not what its Content-Encoding says is an error for that client, and for nobody else."""
    if not through_middleware:
        return
    good = encode('gzip', real_text(100_000))
    for what, body in (('no gzip at all', b'this is not gzip'), ('cut', good[:len(good) // 2]), ('flipped', good[:5000] + b'\xff' * 8 + good[5008:])):
        try:
            status, headers, answer = request(port, 'POST', '/echo', body, {'Content-Encoding': 'gzip', 'Accept-Encoding': 'identity'})
            complete = status < 400 and 'content-length' not in headers and len(answer) > 0
            assert status >= 400 or not complete, f'{what}: a whole answer of {len(answer)} bytes with {status}'
        except (http.client.HTTPException, ConnectionError):
            pass
        greeting(port, through_middleware)


def trap_is_one_request(port, through_middleware):
    status, _, _ = request(port, 'GET', '/trap')
    assert 500 <= status < 600, f'/trap answered {status}'
    for _ in range(3):
        greeting(port, through_middleware)


ALL = [greeting, text, echo, headers_before_the_end, left_alone, damaged_body, trap_is_one_request]
