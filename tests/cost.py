"""Measure what a call costs, to compare it with another in the same run: a bound in seconds fails on a busy machine."""

import time
from collections.abc import Callable


def cpu_seconds(*calls: Callable[[], object]) -> float:
    """Return the least CPU time of this process in several calls that ought to cost the same."""
    return min(map(_cpu_seconds_of_one, calls))


def _cpu_seconds_of_one(call: Callable[[], object]) -> float:
    before = time.process_time()
    call()
    return time.process_time() - before
