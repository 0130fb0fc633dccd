"""The real service in a process of its own, and what it logs."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Running:
    """A service that runs; `next_event` waits for its next line of log."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def next_event(self, seconds: float) -> Event | None:
        """The next thing that happened; None when nothing did in time, or the service has ended."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def send_signal(self, number: signal.Signals) -> None:
        """SIGHUP to reload, SIGTERM to stop."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """End it as the operator would, with SIGTERM; its exit code."""
        self.send_signal(signal.SIGTERM)
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
    """`monitor run` with this configuration, ended at the end."""
    command = [sys.executable, "-m", "monitor", "--config", str(config), "run", "--log", "json"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen(  # noqa: S603 - our own program, no text of others
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    ) as process:
        service = Running(process)
        try:
            yield service
        finally:
            if process.poll() is None:
                service.stop()
