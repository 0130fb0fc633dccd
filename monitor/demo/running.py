"""Run the service in a process of its own and read the events it logs."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

Event = dict[str, Any]  # one line of the service's JSON log


class Process(Protocol):
    """What a subprocess.Popen offers whose standard error is read as text."""

    @property
    def stderr(self) -> Iterable[str] | None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Running:
    """A running service process, and the queue of the events it has logged."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def next_event(self, seconds: float) -> Event | None:
        """Wait for the next event; None when there is none in time, or the service has ended."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def send_signal(self, number: signal.Signals) -> None:
        """Send SIGHUP to reload the configuration, SIGTERM to stop, or any other signal."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """End the service as an operator would, with SIGTERM; return its exit code."""
        self.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until the service has ended; return its exit code."""
        code = self._process.wait(timeout=20)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                self._events.put(json.loads(line))
            except ValueError:
                self._events.put({"event": "said", "text": line.strip()})
        self._events.put(None)


@contextmanager
def running(config: Path) -> Iterator[Running]:
    """Run `monitor run` with this configuration until the context is left."""
    command = [sys.executable, "-m", "monitor", "--config", str(config), "run", "--log", "json"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen(  # noqa: S603 - our own program with our own arguments
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    ) as process:
        service = Running(process)
        try:
            yield service
        finally:
            if process.poll() is None:
                service.stop()
