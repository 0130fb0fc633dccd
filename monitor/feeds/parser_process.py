"""The program of a process that parses documents for another one: `python -m monitor.feeds.parser_process`.

Started by parser_pool. It reads tasks from its standard input and writes a result for each to its standard output, and
ends with its input. A task that takes too long ends the process, one that needs too much memory fails; nothing else is
harmed.
"""

import os
import pickle
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO, Literal

from monitor.errors import ParseError
from monitor.feeds.parse import parse
from monitor.feeds.parser_messages import LENGTH, Result, Task
from monitor.malloc import hold_little_memory
from monitor.texts import sentence


def main(deadline: float, memory: int) -> None:
    """Do tasks until the input ends: `deadline` is in seconds for each, `memory` in bytes beyond what is used now."""
    # Only its input tells it to stop: a signal to the whole group of processes must not break off a task.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    tasks, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no result
    hold_little_memory()
    _limit_memory(memory)
    while head := tasks.read(LENGTH.size):
        task: Task = pickle.loads(tasks.read(*LENGTH.unpack(head)))  # noqa: S301 - from the process that started this one
        body = tasks.read(*LENGTH.unpack(tasks.read(LENGTH.size)))
        # By the kernel, wherever the parser is just then, and by a clock that nobody sets.
        signal.setitimer(signal.ITIMER_REAL, deadline)
        result = _do(task, body)
        del body
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(results, result)


def _do(task: Task, body: bytes) -> Result:
    try:
        parsed = parse(body, feed=task.feed, now=task.now, content_type=task.content_type, url=task.url)
    except ParseError as error:
        return Result(error=error.text, memory=_held("resident"))
    except MemoryError:
        what = sentence("the document takes more memory than a feed may")
        return Result(error=what, broke_parser=True, memory=sys.maxsize)
    return Result(parsed=parsed, memory=_held("resident"))


def _limit_memory(most: int) -> None:
    if used := _held("size"):
        resource.setrlimit(resource.RLIMIT_AS, (used + most, used + most))


def _held(what: Literal["size", "resident"]) -> int:
    """Return the bytes of address space, or of memory, that this process has; 0 where the system is no Linux.

    Not getrusage: its maximum is that of the process that started this one.
    """
    try:
        size, resident, *_ = map(int, Path("/proc/self/statm").read_text("ascii").split())
    except OSError:
        return 0
    return {"size": size, "resident": resident}[what] * resource.getpagesize()


def _write(results: BinaryIO, result: Result) -> None:
    data = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    results.write(LENGTH.pack(len(data)) + data)
    results.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
