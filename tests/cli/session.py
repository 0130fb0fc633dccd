"""A command on a real terminal: a pty, on which a test reads what is asked and types the answers."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.command import unmeasured_environ

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Session:
    """A running command and its terminal."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process, self._terminal = process, terminal
        self.output = ""  # all that was shown
        self._seen = 0

    def expect(self, text: str, seconds: float = 20) -> None:
        """Wait until a text is shown, behind what was expected before."""
        end = time.monotonic() + seconds
        while (found := self.output.find(text, self._seen)) < 0:
            assert self._read(end - time.monotonic()), f"no {text!r} in {self.output[self._seen :]!r}"
        self._seen = found + len(text)

    def type(self, text: str) -> None:
        """Type a text, a line or keys."""
        os.write(self._terminal, text.encode())

    def press(self, key: str, text: str) -> None:
        """Press a key until a text is shown: a Ctrl-C between readline's prompt and its wait is noticed at the next."""
        for _ in range(10):
            self.type(key)
            with suppress(AssertionError):
                return self.expect(text, seconds=2)
        raise AssertionError(f"no {text!r} in {self.output!r}")

    def answer(self, question: str, line: str = "") -> None:
        """Wait for a question and type a line."""
        self.expect(question)
        self.expect(": ")
        self.type(f"{line}\n")

    def end(self) -> int:
        """Wait for the end of the command; return its exit code."""
        end = time.monotonic() + 20
        while self._read(end - time.monotonic()):
            pass
        assert time.monotonic() < end, f"it has not ended: {self.output}"
        return self.process.wait(timeout=20)

    def _read(self, seconds: float) -> bool:
        """Read what is shown next; return False when nothing comes any more."""
        if seconds <= 0 or not select.select([self._terminal], [], [], seconds)[0]:
            return False
        with suppress(OSError):  # EIO: the command has ended
            if data := os.read(self._terminal, 65536):
                self._pending += data
                text = self._pending.decode("utf-8", "ignore")
                self.output = _CONTROL.sub("", text)
                return True
        return False

    _pending = b""


@contextmanager
def on_terminal(folder: Path, *arguments: str, lang: str = "C.UTF-8", **environ: str) -> Iterator[Session]:
    """Run `monitor` in a folder on a terminal of its own; it is killed at the end if it has not ended."""
    terminal, its_end = pty.openpty()
    environment = unmeasured_environ() | {"LANG": lang, "LC_ALL": lang, "TERM": "dumb", "HOME": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])} | environ,
        preexec_fn=lambda: os.login_tty(its_end),
    )
    os.close(its_end)
    try:
        yield Session(process, terminal)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
