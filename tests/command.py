"""Run one command line in this process, with the folder, environment and input a shell would give it.

A process of its own costs a second of imports. What only a process can show (that it starts and ends, signals, broken
pipes) is tested with one, in tests/cli/test_process.py and tests/service.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from monitor.cli import execute

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command line left behind."""

    code: int
    stdout: str
    stderr: str
    output: str  # both streams, in the order in which they were flushed: what `2>&1` shows


def run_command(
    *arguments: str, folder: Path | None = None, stdin: bytes = b"", environ: dict[str, str] | None = None
) -> CommandResult:
    """Run `monitor` with these arguments and return its exit code and output.

    `environ` is added to this process's environment. What the command does not catch itself is raised here.
    """
    stdout, stderr, output = bytearray(), bytearray(), bytearray()
    with (
        ExitStack() as stack,
        io.TextIOWrapper(io.BufferedWriter(_Pipe(stdout, output)), encoding="utf-8") as out,
        io.TextIOWrapper(
            io.BufferedWriter(_Pipe(stderr, output)),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        ) as err,
    ):
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        stack.enter_context(_redirect_stdin(stdin))
        stack.enter_context(mock.patch.dict(os.environ, environ or {}))
        if folder:
            stack.enter_context(chdir(folder))
        # In a context of its own, as a process has: --lang shall not stay set.
        code = copy_context().run(execute, arguments)
    return CommandResult(code, stdout.decode(), stderr.decode(), output.decode())


def unmeasured_environ() -> dict[str, str]:
    """Return this process's environment for another one whose coverage is not measured.

    Measuring costs a process a second, and a killed one writes nothing down.
    """
    return {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}


@contextmanager
def _redirect_stdin(content: bytes) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


class _Pipe(io.RawIOBase):
    """The write end of a pipe; what is written is appended to each buffer."""

    def __init__(self, *buffers: bytearray) -> None:
        self._buffers = buffers

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer") -> int:
        for buffer in self._buffers:
            buffer += bytes(content)
        return len(bytes(content))
