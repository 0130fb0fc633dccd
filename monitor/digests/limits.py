"""Limit what a template may take: time, output, and how long a text or large a number it may make at once."""

import ctypes
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_SECONDS = 10.0  # a digest of 300 entries takes a tenth of a second
_LONGEST = 2_000_000  # characters; a mail takes less than a tenth of it


class TooMuchError(Exception):
    """A template took more than a template may. Its text says of what."""


class _TooLongError(BaseException):
    """Raised in the midst of a template by the timer: no `except` in it shall hold it up."""


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a product or a power makes no text of a gigabyte either."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute a product or power. Raises SecurityError where it would be huge."""
        if operator == "**" and abs(right) > 64:
            raise SecurityError("a power of more than 64")
        length = max((len(side) for side in (left, right) if isinstance(side, str | list | tuple)), default=0)
        times = max((side for side in (left, right) if isinstance(side, int)), default=0)
        if operator == "*" and length * times > _LONGEST:
            raise SecurityError(f"a text or list of more than {_LONGEST:,} parts")
        return super().call_binop(context, operator, left, right)


def limited(pieces: Iterable[str]) -> str:
    """Return the pieces that a template makes as one text. Raises TooMuchError when they are too long for any mail."""
    made, length = [], 0
    for piece in pieces:
        made.append(piece)
        length += len(piece)
        if length > _LONGEST:
            raise TooMuchError(f"it makes more than {_LONGEST:,} characters")
    return "".join(made)


@contextmanager
def time_limit(seconds: float = _SECONDS) -> Iterator[None]:
    """Let the work of this thread take so many seconds at most. Raises TooMuchError when it takes longer.

    Python code is stopped between two of its steps; a single call into C is not (regular expressions, a sort).
    """
    thread, lock = threading.get_ident(), threading.Lock()
    is_over = has_fired = False

    def stop() -> None:
        nonlocal has_fired
        with lock:
            if not is_over:
                has_fired = True
                _raise_in(thread, _TooLongError)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except _TooLongError:
        raise TooMuchError(f"it takes longer than {seconds:g} s") from None
    finally:
        with lock:
            is_over = True
        timer.cancel()
        if has_fired:
            _raise_in(thread, None)  # what was not raised yet shall hit nobody else


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error else None
    )
