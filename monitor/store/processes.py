"""Tell whether the process that wrote a heartbeat is gone, where this machine can see that."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

_NO_NAME = ("", "localhost")  # of a machine that may be any
_INNER_PID = re.compile(r"^NSpid:.*\s(\d+)$", re.MULTILINE)


def is_gone(host: str, pid: int) -> bool:
    """Return whether a process of a machine does not exist any more; False where that cannot be known."""
    if host in _NO_NAME or host != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return pid not in _in_containers()
    except (PermissionError, OverflowError):  # somebody else's; no number of a process
        return False
    return False


def _in_containers() -> Iterator[int]:
    """Yield the numbers that processes have in containers: one with the name of this machine counts them anew."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            yield from map(int, _INNER_PID.findall(status.read_text("ascii", "replace")))
        except OSError:  # it has ended
            continue
