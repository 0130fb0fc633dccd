"""Give memory back that was needed to begin with, and is not any more."""

import contextlib
import ctypes

from monitor.rules.script import forget_dictionaries


def give_memory_back() -> None:
    """Let go of what was needed to compile the rules. The C library keeps it for later otherwise (glibc)."""
    forget_dictionaries()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
