"""Run `monitor run` as a supervisor does: start it, end it, start it again when it has ended by itself."""

import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.command import unmeasured_environ

Steps = Generator[float, None, None]  # yields the seconds to wait before the next step

ROOT = Path(__file__).parents[2]
_RESTART = 1.0  # seconds after which one that has ended by itself is started again
_LONGEST_STOP = 75.0  # seconds from SIGTERM to SIGKILL, as in the systemd unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An end of the process that nobody asked for."""

    code: int
    at: float  # monotonic seconds
    last_lines: str  # of the log


class Service:
    """The service: one process at a time, its log in one file."""

    def __init__(self, config: Path, log: Path, environ: Mapping[str, str]) -> None:
        self.log = log
        self.ended: list[Ended] = []
        self._command = [sys.executable, "-m", "monitor", "--config", str(config), "run", "--log", "json"]
        self._environ = {
            **unmeasured_environ(),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "",  # else each of its many starts compiles the program anew
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False
        self._log_begins = 0  # size of the log when the process was started
        self._restart_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._is_wanted, self._restart_at = True, 0.0
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as stderr:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                cwd=self.log.parent,
                env=self._environ,
            )

    def tend(self, now: float) -> None:
        """Start a process that has ended by itself again, after a second."""
        if self.is_running or not self._is_wanted or self._process is None:
            return
        if not self._restart_at:
            code = self._process.returncode
            self.ended.append(Ended(code=code, at=now, last_lines=self._last_lines()))
            self._restart_at = now + _RESTART
        elif now >= self._restart_at:
            self.start()

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self._is_wanted = False
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self.is_running:
            self._process.send_signal(number)

    def stop(self) -> Steps:
        """End the process with SIGTERM, and with SIGKILL after 75 s."""
        self._is_wanted = False
        self.send(signal.SIGTERM)
        end = time.monotonic() + _LONGEST_STOP
        while self.is_running:
            if time.monotonic() > end:
                self.kill()
            yield 0.05

    def until_started(self, seconds: float) -> Steps:
        """Wait until the process has logged that it has started, at most for this long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._has_started():
            yield 0.1

    def _has_started(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return b'"started"' in log.read(10_000)

    def _last_lines(self) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(self._log_begins, self.log.stat().st_size - 1000))
            return log.read().decode("utf-8", "replace")
