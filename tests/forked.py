"""Start processes by a fork of a server that has imported the service already: milliseconds each, instead of seconds.

They are processes like others: they get signals, are killed, and have exit codes. That `python -m monitor` starts one
is tested in tests/cli/test_process.py, tests/cli/test_demo.py and tests/service.
"""

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection
from pathlib import Path
from typing import Self

from monitor.cli import execute
from monitor.demo.running import Running

_context = multiprocessing.get_context("forkserver")
WARMED = ["tests.warmed"]
_context.set_forkserver_preload(WARMED)


class ForkedProcess:
    """A process that runs a function of a module, with those methods of a Popen that tests use.

    It ends with the function's return value as exit code. `stderr` is the text it writes to standard error.
    """

    def __init__(self, work: Callable[..., int], *arguments: object) -> None:
        log, child_end = _context.Pipe(duplex=False)
        with child_end:
            self._process = _context.Process(
                target=_run, args=(work, arguments, child_end, dict(os.environ)), daemon=True
            )
            self._process.start()
        with log:
            self.stderr = os.fdopen(os.dup(log.fileno()), encoding="utf-8")
        self._lock = threading.Lock()  # the exit code can be read once

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()
        self.stderr.close()

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Return the exit code, which is negative for a signal; None while it runs."""
        with self._lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code. Raises TimeoutError."""
        connection.wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise TimeoutError(f"process {self._process.pid} still runs after {timeout} s")
        return code


def _run(
    work: Callable[..., int],
    arguments: tuple[object, ...],
    log: connection.Connection,
    environ: dict[str, str],
) -> None:
    os.dup2(log.fileno(), 2)
    log.close()
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environ)
    random.seed()
    sys.exit(work(*arguments))


@contextmanager
def running_service(config: Path) -> Iterator[Running]:
    """Run `monitor run` with this configuration until the context is left."""
    with ForkedProcess(execute, ["--config", str(config), "run", "--log", "json"]) as process:
        service = Running(process)
        try:
            yield service
        finally:
            if process.poll() is None:
                service.stop()
