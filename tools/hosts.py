"""The two hosts that run our components, behind one face: Crank and the peer (tools/get_peer.sh).

    with Crank().serve('middleware', plugs=['service']) as server:      # server.port, server.pid, server.log()
        ...
    Peer().run('bench/async_call_ready_composed', 'run(1000)').stdout

Components are named by their path under the folder of built guests, without .wasm. The peer cannot plug; it is given the
single binary composed of the same parts (`composed`).
"""
import os
import re
import select
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.environ.get('CRANK_CACHE') or os.path.expanduser('~/.cache/crank')


def guests_folder():
    """CRANK_GUESTS, or the first preset's folder that has components."""
    named = os.environ.get('CRANK_GUESTS')
    if named:
        return named
    for preset in ('release', 'debug', 'asan', 'tsan'):
        folder = os.path.join(ROOT, 'build', preset, 'guests')
        if os.path.exists(os.path.join(folder, 'leaf.wasm')):
            return folder
    raise SystemExit('no built guests found under build/*/guests: run `make`, or name a folder by CRANK_GUESTS')


def guest(name):
    path = name if os.path.isabs(name) else os.path.join(guests_folder(), name + '.wasm')
    if not os.path.exists(path):
        raise SystemExit(f'{path} is not built: run `make`')
    return path


class Server:
    """A host that serves HTTP, until the end of the `with`: then it is told to stop and waited for."""

    def __init__(self, command, listening, environment=None):
        self.output = tempfile.TemporaryFile()
        self.command = command
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        self.pid = self.process.pid
        self.port = None
        deadline = time.monotonic() + 60
        text = b''
        while self.port is None:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b''
            if not piece:
                self.stop()
                raise RuntimeError(f'{" ".join(command)}\ndid not say where it listens; it said:\n{text.decode(errors="replace")}')
            text += piece
            found = re.search(listening, text)
            if found:
                self.port = int(found.group(1))
        self.output.write(text)
        self.output.flush()
        # From here on the log goes through a thread of its own, so that a chatty host never blocks on a full pipe.
        import threading
        self.reader = threading.Thread(target=self._drain, daemon=True)
        self.reader.start()

    def _drain(self):
        while True:
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return
            self.output.write(piece)
            self.output.flush()

    def log(self):
        end = self.output.tell()
        self.output.seek(0)
        text = self.output.read().decode(errors='replace')
        self.output.seek(end)
        return text

    def memory(self):
        """Resident bytes now."""
        with open(f'/proc/{self.pid}/status') as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith('VmRSS'))

    def stop(self):
        """Asks it to stop (SIGTERM) and answers its exit code; one that does not go in ten seconds is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Crank:
    name = 'crank'

    def __init__(self, program=None):
        self.program = program or os.environ.get('CRANK_PROGRAM') or os.path.join(ROOT, 'build', 'bin', 'crank')
        self.exists = os.path.exists(self.program)

    def serve_command(self, component, plugs=(), composed=None, more=()):
        command = [self.program, 'serve', guest(component)]
        for plug in plugs:
            command += ['--plug', guest(plug)]
        return command + ['--addr', '127.0.0.1:0', *more]

    def serve(self, component, plugs=(), composed=None, more=()):
        return Server(self.serve_command(component, plugs, composed, more), rb'listening on http://127\.0\.0\.1:(\d+)')

    def run_command(self, component, invoke, plugs=(), composed=None):
        command = [self.program, 'run', guest(component)]
        for plug in plugs:
            command += ['--plug', guest(plug)]
        return command + ['--invoke', invoke]

    def run(self, component, invoke, plugs=(), composed=None, timeout=120):
        return subprocess.run(self.run_command(component, invoke, plugs, composed), capture_output=True, text=True, timeout=timeout)


class Peer:
    name = 'wasmtime'

    def __init__(self, program=None):
        self.program = program or os.environ.get('CRANK_PEER') or os.path.join(CACHE, 'peer', 'wasmtime')
        self.exists = os.path.exists(self.program)

    # The reuse policy both hosts are given in figures: 128 requests an instance, 16 at once (the peer's own default).
    reuse = ('--max-instance-reuse-count', '128', '--max-instance-concurrent-reuse-count', '16')

    def serve_command(self, component, plugs=(), composed=None, more=()):
        return [self.program, 'serve', '--addr', '127.0.0.1:0', *self.reuse, *more, guest(composed or component)]

    def serve(self, component, plugs=(), composed=None, more=()):
        return Server(self.serve_command(component, plugs, composed, more), rb'Serving HTTP on http://127\.0\.0\.1:(\d+)')

    def run_command(self, component, invoke, plugs=(), composed=None):
        return [self.program, 'run', '--invoke', invoke, guest(composed or component)]

    def run(self, component, invoke, plugs=(), composed=None, timeout=120):
        return subprocess.run(self.run_command(component, invoke, plugs, composed), capture_output=True, text=True, timeout=timeout)
