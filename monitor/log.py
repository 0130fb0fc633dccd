"""How a line in the log looks: an event, then key=value; or JSON with `--log json`.

One line for one thing that happened to somebody. Values are escaped, so that text from a feed cannot
make a second line or colour a terminal, and secrets in them are masked.
"""

import json
import logging
import os
import sys
from collections.abc import MutableMapping
from functools import cache
from io import UnsupportedOperation
from typing import Any, Literal, TextIO

from monitor.masking import mask

Format = Literal["text", "json"]


def start(form: Format = "text", *, debug: bool = False) -> None:
    """Send our own events and the libraries' warnings to standard error in one form."""
    structlog = _structlog()
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
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
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _render_json(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(line, default=str)


class _Forward(logging.Handler):
    """Hands the libraries' own records over to our form."""

    def emit(self, record: logging.LogRecord) -> None:
        about = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            about["exception"] = logging.Formatter().formatException(record.exc_info)
        _structlog().get_logger().warning("library", **about)
