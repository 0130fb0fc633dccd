"""What a single value in config.toml may look like.

Each type reads what the operator wrote, or raises a ValueError that says what is expected instead.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from math import isfinite
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from monitor.config.addresses import parse_mailbox
from monitor.texts import listed, said, sentence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """Mark a type in options.py whose values are read by a function of their own, which raises ValueError."""

    read: Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Check:
    """Mark a type in options.py whose converted values pass through a function, which may raise ValueError."""

    check: Callable[[Any], Any]


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = (*WEEKDAYS, "workday")
WORKDAY = 8  # stands beside the weekdays, 1 to 7: the working days of mainland China

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])")
_TRUE = ("true", "yes", "on", "t", "y", "1")
_FALSE = ("false", "no", "off", "f", "n", "0")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_LONGEST_HEADER = 4000  # characters
# What the program sets itself, by other options or by what it knows.
_OWN_HEADERS = (
    *("user-agent", "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    *(
        "content-length",
        "content-type",
        "accept-encoding",
        "if-none-match",
        "if-modified-since",
        "range",
        "expect",
    ),
)
_SIZES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


def text(value: object) -> str:
    """Return a string. Raises ValueError for another type."""
    if not isinstance(value, str):
        raise ValueError(sentence("expected a text in quotation marks"))
    return value


def file_path(value: object) -> str:
    """Return the path of a file. Raises ValueError for one in which a \\ has become a tab or a line end."""
    if not text(value).isprintable():
        raise ValueError(
            sentence(
                "a \\ in double quotation marks begins a special character. A path goes into single ones, as in "
                "'C:\\new\\password.txt'"
            )
        )
    return text(value)


def boolean(value: object) -> bool:
    """Return True or False; also for "true", "no", 1 and the like. Raises ValueError."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word not in _TRUE + _FALSE:
        raise ValueError(sentence("expected true or false"))
    return word in _TRUE


def integer(least: int | None = None, most: int | None = None) -> Callable[[object], int]:
    """Return the reader of a whole number between two bounds, which may be absent."""

    def read(value: object) -> int:
        if (isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value)) or (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and isfinite(value)
            and value == int(value)
        ):
            result = int(value)
        else:
            raise ValueError(sentence("expected a whole number"))
        _within(result, least, most)
        return result

    return read


def number(above: float | None = None, most: float | None = None) -> Callable[[object], float]:
    """Return the reader of a number above one bound and up to another, which may be absent."""

    def read(value: object) -> float:
        try:
            result = (
                float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
            )
        except ValueError:
            result = None
        if result is None or not isfinite(result):
            raise ValueError(sentence("expected a number"))
        if above is not None and result <= above:
            raise ValueError(sentence("expected a number greater than {least:g}", least=above))
        _within(result, None, most)
        return result

    return read


def _within(value: float, least: float | None, most: float | None) -> None:
    if least is not None and value < least:
        raise ValueError(sentence("expected a number greater than or equal to {least:g}", least=least))
    if most is not None and value > most:
        raise ValueError(sentence("expected a number less than or equal to {most:g}", most=most))


def duration(text: object) -> timedelta:
    """ "90s" or "1h 30m" becomes a timedelta. Units: ms s m h d w. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    parts = _SPAN.findall(text) if isinstance(text, str) else []
    if not parts or _SPAN.sub("", str(text)).strip():
        raise ValueError(sentence('a duration is expected, as in "90s", "30m", "1h 30m" or "3d"'))
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(sentence("that is longer than the calendar; write fewer days")) from None


def span(least: str, most: str) -> Callable[[object], timedelta]:
    """Return the reader of a duration between two others, both written as in the file."""

    def read(value: object) -> timedelta:
        read_span = duration(value)
        if not duration(least) <= read_span <= duration(most):
            raise ValueError(
                sentence('expected a duration from "{least}" to "{most}"', least=least, most=most)
            )
        return read_span

    return read


def span_or(word: str, least: str, most: str) -> Callable[[object], Any]:
    """Return the reader of a duration between two others, or of a word that stands for one."""
    return _or(word, span(least, most))


def integer_or(word: str, least: int, most: int) -> Callable[[object], Any]:
    """Return the reader of a whole number between two bounds, or of a word that stands for one."""
    return _or(word, integer(least, most))


def _or(word: str, read_other: Callable[[object], Any]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        if value == word:
            return word
        try:
            return read_other(value)
        except ValueError as error:
            raise ValueError(sentence('{what}, or "{word}"', what=said(error), word=word)) from None

    return read


def in_words(span: timedelta) -> str:
    """The shortest way to write a duration that `duration` reads back: timedelta(hours=1) is "1h"."""
    milliseconds = round(span.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_UNITS[unit] * 1000)
        if milliseconds % size == 0 and (milliseconds or unit == "s"):
            return f"{milliseconds // size}{unit}"
    raise AssertionError("every whole number of milliseconds has a unit")


def size(text: object) -> int:
    """ "8MB" becomes 8000000 (bytes). Raises ValueError."""
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    found = re.fullmatch(r"(\d+)\s*(B|KB|MB|GB)", text, re.IGNORECASE) if isinstance(text, str) else None
    if not found or int(found[1]) == 0:
        raise ValueError(sentence('a size is expected, as in "500KB" or "8MB"'))
    return int(found[1]) * _SIZES[found[2].upper()]


def _moment(text: object) -> time:
    if isinstance(text, time):
        return text
    if not isinstance(text, str) or not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", text):
        raise ValueError(sentence('a time of day is expected, as in "08:00"'))
    hour, minute, second = (*map(int, text.split(":")), 0)[:3]
    return time(hour, minute, second)


def _weekday(text: object) -> int:
    if isinstance(text, int) and not isinstance(text, bool) and 1 <= text <= 7:
        return text
    if isinstance(text, str) and text.lower() in ("workday", "workdays"):
        return WORKDAY
    if not isinstance(text, str) or text.lower()[:3] not in WEEKDAYS:
        names = listed(DAYS)
        raise ValueError(sentence("a weekday is expected: {names}", names=names))
    return WEEKDAYS.index(text.lower()[:3]) + 1


def _address(text: object) -> str:
    if not isinstance(text, str) or not text.isprintable():
        raise ValueError(sentence('a mail address is expected, as in "you@example.org"'))
    parse_mailbox(text)
    return text.strip()


def _web_address(text: object) -> str:
    try:
        parts = urlsplit(text.strip()) if isinstance(text, str) else urlsplit("")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            sentence('an http or https address is expected, as in "https://cn.nytimes.com/rss/"')
        )
    return str(text).strip()


def _proxy(text: object) -> str:
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
    except ValueError:
        parts = None
    if text != "" and not (
        parts and parts.scheme in ("http", "socks5", "socks5h", "socks4") and parts.hostname
    ):
        raise ValueError(
            sentence('a proxy is expected, as in "http://127.0.0.1:8118" or "socks5://127.0.0.1:1080"')
        )
    return str(text)


def _optional_web_address(value: object) -> str:
    if value == "":
        return ""
    address = _web_address(value)
    if not address.isprintable() or " " in address:
        raise ValueError(sentence("an address without blanks is expected"))
    return address


_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?")
LONGEST_PUBLIC_URL = 100  # characters: with the rest of a link it stands in one line of a header


def _public_url(value: object) -> str:
    if value == "":
        return ""
    address = _web_address(value)
    if not _PUBLIC_URL.fullmatch(address) or len(address) > LONGEST_PUBLIC_URL:
        raise ValueError(
            sentence(
                'the address of a host, with or without a path, is expected, as in "https://news.example.org", of at '
                "most {most} characters",
                most=LONGEST_PUBLIC_URL,
            )
        )
    return address.rstrip("/")


def _optional_address(value: object) -> str:
    return "" if value == "" else _address(value)


def _user_agent(value: object) -> str:
    if not _is_header_value(text(value)):
        raise ValueError(sentence("expected one line of ASCII characters"))
    return text(value).strip()


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    """Return the names and values of request headers, in their order. Raises ValueError."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(
            sentence('a table of names and texts is expected, as in {{Accept-Language = "zh-CN"}}')
        )
    for name, item in value.items():
        if not _HEADER_NAME.fullmatch(name) or not _is_header_value(item):
            raise ValueError(
                sentence('"{name}" is no header, or its value is not one line of ASCII characters', name=name)
            )
        if name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-"):
            raise ValueError(sentence('"{name}" is a header that the program sets itself', name=name))
    return tuple((name, item.strip()) for name, item in value.items())


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST_HEADER


def _host(text: object) -> str:
    """Return the name or the IP address of a host; "" is none. Raises ValueError, for a URL too."""
    written = text.strip() if isinstance(text, str) else None
    if written == "":
        return ""
    try:
        return str(ipaddress.ip_address(written or ""))
    except ValueError:
        pass
    try:
        name = (written or "").encode("idna").decode()
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", name):
        raise ValueError(
            sentence('the name of a host is expected, as in "smtp.example.org", without a scheme and a port')
        )
    return str(written)


def _network(text: object) -> str:
    try:
        return str(ipaddress.ip_network(text if isinstance(text, str) else "", strict=False))
    except ValueError:
        raise ValueError(
            sentence('an address or a network is expected, as in "127.0.0.1" or "10.0.0.0/8"')
        ) from None


def _timezone(text: object) -> str:
    try:
        return ZoneInfo(text if isinstance(text, str) else "").key
    except (OSError, ValueError, KeyError):
        raise ValueError(
            sentence('a time zone is expected, as in "Asia/Shanghai" or "Europe/Berlin"')
        ) from None


def not_empty(values: Sequence[object]) -> Sequence[object]:
    """Return the values. Raises ValueError when there is none."""
    if not values:
        raise ValueError(sentence("at least one is expected"))
    return values


def in_order(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return each value once, sorted."""
    return tuple(sorted(set(values)))


def split_weights(rule: Mapping[str, object], lists: Sequence[str]) -> dict[str, object]:
    """Put the plain word for each {word = "AI", weight = 2} in the `lists` of a rule, and the weights beside them.

    The weights are (word, weight) of the words whose weight is not 1, sorted by word. What is not written so is left
    as it is: the check of the list names it.
    """
    weights: dict[str, float] = {}
    plain: dict[str, object] = dict(rule)
    for key in lists:
        values = rule.get(key)
        if isinstance(values, list):
            plain[key] = [word if (word := _weighted_word(value)) else value for value in values]
            weights |= {
                value["word"]: float(value.get("weight", 1)) for value in values if _weighted_word(value)
            }
    return plain | {
        "weights": tuple(sorted((word, weight) for word, weight in weights.items() if weight != 1))
    }


def _weighted_word(value: object) -> str:
    """Return the word of {word = "AI", weight = 2}; "" for anything else."""
    if not isinstance(value, dict) or not set(value) <= {"word", "weight"}:
        return ""
    word, weight = value.get("word"), value.get("weight", 1)
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return word if isinstance(word, str) and number and 0 < weight <= 1000 else ""


def _word(value: object) -> str:
    if isinstance(value, dict):
        raise ValueError(
            sentence('a word with a weight is written {{word = "AI", weight = 2}}, the weight above 0')
        )
    if not isinstance(value, str):
        raise ValueError(sentence('a list of words is expected, as in ["AI", "大模型"]'))
    if not value.strip():
        raise ValueError(sentence("an empty word would match everything; remove it"))
    return value


def _when(value: object) -> str:
    if text(value) and not text(value).strip():
        raise ValueError(sentence("an empty expression would match everything; remove it"))
    return text(value)


def _quiet(text: object) -> tuple[time, time]:
    if isinstance(text, tuple):
        return text
    ends = re.split(r"\s*[-–]\s*", text.strip()) if isinstance(text, str) else []
    try:
        start, end = map(_moment, ends)
    except ValueError:
        raise ValueError(sentence('two times of day are expected, as in "23:00-07:00"')) from None
    if start == end:
        raise ValueError(sentence('two different times of day are expected, as in "23:00-07:00"'))
    return start, end


def between(span: tuple[time, time]) -> str:
    """The way to write a span of the day: "23:00-07:00"."""
    return "-".join(moment.isoformat("seconds" if moment.second else "minutes") for moment in span)


def _name(value: object) -> str:
    if not 1 <= len(text(value)) <= 200:
        raise ValueError(sentence("expected a name of 1 to 200 characters"))
    return text(value)


Size = Annotated[int, Reader(size)]
Moment = Annotated[time, Reader(_moment)]
Weekday = Annotated[int, Reader(_weekday)]
Address = Annotated[str, Reader(_address)]
WebAddress = Annotated[str, Reader(_web_address)]
Proxy = Annotated[str, Reader(_proxy)]
OptionalWebAddress = Annotated[str, Reader(_optional_web_address)]
PublicUrl = Annotated[str, Reader(_public_url)]
OptionalAddress = Annotated[str, Reader(_optional_address)]
UserAgent = Annotated[str, Reader(_user_agent)]
Headers = Annotated[tuple[tuple[str, str], ...], Reader(_headers)]
Host = Annotated[str, Reader(_host)]
Network = Annotated[str, Reader(_network)]
TimeZone = Annotated[str, Reader(_timezone)]
Words = Annotated[tuple[Annotated[str, Reader(_word)], ...], "words"]
When = Annotated[str, Reader(_when)]
QuietHours = Annotated[tuple[time, time], Reader(_quiet)]
Name = Annotated[str, Reader(_name)]
FilePath = Annotated[str, Reader(file_path)]
