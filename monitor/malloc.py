"""Tell the C library (glibc) to hold little memory that nobody uses, and to give it back."""

import contextlib
import ctypes
from functools import cache

# From malloc.h.
_M_MXFAST, _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = 1, -1, -3, -8
_OPTIONS = {
    # Threads share one heap. Each would have its own otherwise, up to eight for each core, and holes in it.
    _M_ARENA_MAX: 1,
    # A block of more bytes goes back as soon as it is free. The first large one that is freed raises this to its own
    # size otherwise, and of what comes later, the heap keeps the holes.
    _M_MMAP_THRESHOLD: 400_000,
    _M_TRIM_THRESHOLD: 400_000,
    # Small blocks are joined when they are freed: to take down OpenCC's dictionaries costs 40 ms then instead of 60.
    _M_MXFAST: 0,
}


def hold_little_memory() -> None:
    """Set this process up, before it starts threads. With another C library this does nothing."""
    with contextlib.suppress(OSError, AttributeError):
        for option, value in _OPTIONS.items():
            _library().mallopt(option, value)


def give_memory_back() -> None:
    """Give all memory back that is free at this moment. With another C library this does nothing."""
    with contextlib.suppress(OSError, AttributeError):
        _library().malloc_trim(0)


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
