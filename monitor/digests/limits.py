"""Limit what a template may take: time, output, and how long a text or large a number it may make at once."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_SECONDS = 10.0  # a digest of 300 entries takes a tenth of a second
_LONGEST = 2_000_000  # characters; a mail takes less than a tenth of it
_end: ContextVar[float] = ContextVar("_end", default=float("inf"))  # by the monotonic clock
_seconds: ContextVar[float] = ContextVar("_seconds", default=_SECONDS)


class TooMuchError(Exception):
    """A template took more than a template may. Its text says of what."""


class _Generator(CodeGenerator):
    def blockvisit(self, body: Iterable[nodes.Node], frame: Frame) -> None:
        """Write the body of a loop, branch or macro, each with a look at the time before it.

        Jinja has no other loop than `for`, so that no template goes on for long without such a look.
        """
        self.writeline("environment.look_at_time()")
        super().blockvisit(body, frame)


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which no template goes on beyond `time_limit`, and no product makes a text of a gigabyte."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(["*", "**"])

    def look_at_time(self) -> None:
        """Raise TooMuchError when the time is over."""
        if time.monotonic() > _end.get():
            raise TooMuchError(f"it takes longer than {_seconds.get():g} s")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute a product or power. Raises SecurityError where it would be huge."""
        if operator == "**" and abs(right) > 64:
            raise SecurityError("a power of more than 64")
        length = max((len(side) for side in (left, right) if isinstance(side, Sequence)), default=0)
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
    """Let templates of a LimitedEnvironment run for so many seconds at most; they raise TooMuchError then.

    They are stopped between two of their steps; a single call into C, such as a sort, is not.
    """
    tokens = _end.set(time.monotonic() + seconds), _seconds.set(seconds)
    try:
        yield
    finally:
        _end.reset(tokens[0])
        _seconds.reset(tokens[1])
