"""How a line in the log looks: an event, then key=value; or JSON with `--log json`.

One line for one thing that happened to somebody. Values are escaped, so that text from a feed cannot
make a second line or colour a terminal, and secrets in them are masked.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import cache
from io import UnsupportedOperation
from typing import Any, Literal, TextIO

from monitor.masking import mask

Format = Literal["text", "json"]

_PRINTED_AS_IS = "\u00a0\u3000"  # the no-break and the ideographic space
_REPEATS = 600.0  # seconds in which a warning that says the same is counted, not written
_VOLATILE = ("failures", "next")  # what differs each time
_WORKS_AGAIN = ("polled", "recovered", "web-started")
_WHAT = ("at", "feed", "error")  # what tells one warning from others of its kind
# Others follow what somebody did, such as an edit, or change what becomes of a mail.
_MAY_REPEAT = ("poll-failed", "feed-faster", "error", "bug", "library", "heartbeat-failed", "web-failed")


def start(form: Format = "text", *, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
    """Send our own events and the libraries' warnings to standard error in one form.

    A warning that says the same within ten minutes is counted; a line `repeated` tells how often.
    """
    structlog = _structlog()
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            _Repeats(clock).processor,
            structlog.processors.TimeStamper(fmt="iso", utc=form == "json"),
            structlog.processors.format_exc_info,
            _mask_values,
            _render_json if form == "json" else _render_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(StandardError(sys.stderr)),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


class StandardError:
    """Standard error as a place for lines: one that a full disk or a closed pipe does not take is lost, no more."""

    def __init__(self, stream: TextIO | None) -> None:
        """Take a text stream; None, as Python has it where the process was started without one, takes nothing."""
        self._stream = stream
        self._is_cut = False  # the last line was taken in part

    def write(self, text: str) -> None:
        """Write text to the stream's file itself: what stayed in a buffer would fail with every line after it."""
        if self._stream is None:
            return
        try:
            number = self._stream.fileno()
        except UnsupportedOperation:  # captured by a test
            self._stream.write(text)
            return
        rest = text.encode(self._stream.encoding or "utf-8", "backslashreplace")
        if self._is_cut:
            rest = b"\n" + rest
        try:
            while rest:
                rest = rest[os.write(number, rest) :]
                self._is_cut = bool(rest)
        except OSError:
            pass

    def flush(self) -> None:
        """Do nothing: no text waits."""


def stop() -> None:
    """Say nothing from here on, as before `start`."""
    structlog = _structlog()
    structlog.configure(processors=[_drop])


def info(event: str, **about: object) -> None:
    """Tell the operator what happened."""
    _structlog().get_logger().info(event, **about)


def warning(event: str, **about: object) -> None:
    """Tell the operator what to look at."""
    _structlog().get_logger().warning(event, **about)


def failure(event: str, error: BaseException, **about: object) -> None:
    """Tell of a mistake of ours, with its traceback."""
    _structlog().get_logger().error(event, exc_info=error, **about)


@cache
def _structlog() -> Any:
    import structlog  # 270 ms: only when something is logged

    structlog.configure(processors=[_drop])  # until start()
    return structlog


class _Repeats:
    """Counts failures that say what one said within the last ten minutes, until what failed works again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[str, tuple[float, dict[str, Any], int]] = {}  # when, what, how often since
        self._keys: dict[str, set[str]] = {}  # of what was said, by the feed or task that it was said of

    def processor(
        self, _logger: object, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Drop a failure that repeats; tell of those whose ten minutes are over."""
        end, over = self._clock() - _REPEATS, []
        for key, (at, _, _) in self._said.items():  # in the order of their times
            if at > end:
                break
            over.append(key)
        self._tell(over)
        if line["event"] not in _MAY_REPEAT:
            if line["event"] in _WORKS_AGAIN:
                self._tell(sorted(self._keys.get(_subject(line), ())))
            return line
        key = repr({name: str(value) for name, value in line.items() if name not in _VOLATILE})
        if key in self._said:
            at, first, count = self._said[key]
            self._said[key] = at, first, count + 1
            _drop()
        self._said[key] = self._clock(), dict(line), 0
        self._keys.setdefault(_subject(line), set()).add(key)
        return line

    def _tell(self, keys: Sequence[str]) -> None:
        """Forget failures, and say how often each came again."""
        # All are forgotten first: what is told comes by here again.
        for key, (_, first, count) in [(key, self._said.pop(key)) for key in keys]:
            of_subject = self._keys.get(_subject(first), set())
            of_subject.discard(key)
            if not of_subject:
                self._keys.pop(_subject(first), None)
            if count:
                about = {name: value for name, value in first.items() if name in _WHAT}
                info("repeated", what=first["event"], times=count, **about)


def _subject(line: Mapping[str, Any]) -> str:
    """Return what a line is about: a feed, a task, or the program."""
    return str(line.get("feed") or line.get("at") or "")


def _drop(*_: object) -> Any:
    raise _structlog().DropEvent


def _mask_values(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    plain = (bool, int, float, type(None))
    return {key: value if isinstance(value, plain) else mask(str(value)) for key, value in line.items()}


def _render_text(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    moment, level, event = line.pop("timestamp"), line.pop("level"), line.pop("event")
    exception = line.pop("exception", "")
    level = "" if level == "info" else f"{level.upper()} "
    pairs = "".join(f" {key}={_value(value)}" for key, value in line.items())
    return f"{moment[:19].replace('T', ' ')} {level}{event}{pairs}" + (f"\n{exception}" if exception else "")


def _value(value: object) -> str:
    text = str(value)
    if text.isprintable() and text and not any(mark in text for mark in ' "='):
        return text
    return _as_json(text)


def _render_json(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    return _as_json(line)


def _as_json(value: object) -> str:
    """Return a value as JSON on one line, with Chinese as it is; what a terminal would obey is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in _PRINTED_AS_IS else json.dumps(character)[1:-1]
        for character in text
    )


class _Forward(logging.Handler):
    """Hands the libraries' own records over to our form."""

    def emit(self, record: logging.LogRecord) -> None:
        about = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            about["exception"] = logging.Formatter().formatException(record.exc_info)
        _structlog().get_logger().warning("library", **about)
