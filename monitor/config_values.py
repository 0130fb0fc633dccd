"""What a single value in config.toml may look like.

Each type reads what the operator wrote, or raises a ValueError that says what is wanted instead.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import time, timedelta
from email.utils import parseaddr
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


def duration(text: object) -> timedelta:
    """ "90s" or "1h 30m" becomes a timedelta. Units: ms s m h d w. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])", text) if isinstance(text, str) else []
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])|\s", "", str(text)):
        raise ValueError('a duration is wanted, as in "90s", "30m", "1h 30m" or "3d"')
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("that is longer than the calendar; write fewer days") from None


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
        raise ValueError('a size is wanted, as in "500KB" or "8MB"')
    return int(found[1]) * _SIZES[found[2].upper()]


def _moment(text: object) -> time:
    if isinstance(text, time):
        return text
    if not isinstance(text, str) or not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", text):
        raise ValueError('a time of day is wanted, as in "08:00"')
    hour, minute, second = (*map(int, text.split(":")), 0)[:3]
    return time(hour, minute, second)


def _weekday(text: object) -> int:
    if isinstance(text, int) and not isinstance(text, bool) and 1 <= text <= 7:
        return text
    if not isinstance(text, str) or text.lower()[:3] not in WEEKDAYS:
        raise ValueError(f"a weekday is wanted: {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text.lower()[:3]) + 1


def _address(text: object) -> str:
    _, address = parseaddr(text) if isinstance(text, str) else ("", "")
    local, _, domain = address.rpartition("@")
    if (
        not local
        or not domain
        or not str(text).isprintable()
        or re.search(r"[\x00-\x20\x7f<>(),;:\\\"]", address)
    ):
        raise ValueError('a mail address is wanted, as in "you@example.org"')
    try:
        domain.encode("idna")
    except UnicodeError:
        raise ValueError(f"there is no domain {domain}") from None
    return str(text).strip()


def _web_address(text: object) -> str:
    try:
        parts = urlsplit(text.strip()) if isinstance(text, str) else urlsplit("")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise ValueError('an http or https address is wanted, as in "https://cn.nytimes.com/rss/"')
    return str(text).strip()


def _proxy(text: object) -> str:
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
    except ValueError:
        parts = None
    if text != "" and not (
        parts and parts.scheme in ("http", "socks5", "socks5h", "socks4") and parts.hostname
    ):
        raise ValueError('a proxy is wanted, as in "http://127.0.0.1:8118" or "socks5://127.0.0.1:1080"')
    return str(text)


def _network(text: object) -> str:
    try:
        return str(ipaddress.ip_network(text if isinstance(text, str) else "", strict=False))
    except ValueError:
        raise ValueError('an address or a network is wanted, as in "127.0.0.1" or "10.0.0.0/8"') from None


def _timezone(text: object) -> str:
    try:
        return ZoneInfo(text if isinstance(text, str) else "").key
    except (OSError, ValueError, KeyError):
        raise ValueError('a time zone is wanted, as in "Asia/Shanghai" or "Europe/Berlin"') from None


def not_empty(values: Sequence[object]) -> Sequence[object]:
    if not values:
        raise ValueError("at least one is wanted")
    return values


class Weighed(str):
    """A word written as a table, {word = "AI", weight = 2}: the word, and what it counts."""

    weight: float = 1.0


def _words(values: object) -> object:
    return tuple(_word(value) for value in values) if isinstance(values, list) else values


def _word(value: object) -> object:
    word, weight = value, 1.0
    if isinstance(value, dict):
        word, weight = value.get("word"), value.get("weight", 1.0)
        known = set(value) <= {"word", "weight"} and isinstance(word, str)
        if (
            not known
            or isinstance(weight, bool)
            or not isinstance(weight, int | float)
            or not 0 < weight <= 1000
        ):
            raise ValueError('a word with a weight is written {word = "AI", weight = 2}, the weight above 0')
    if not isinstance(word, str):
        raise ValueError('a list of words is wanted, as in ["AI", "大模型"]')
    if not word.strip():
        raise ValueError("an empty word would match everything; remove it")
    if not isinstance(value, dict):
        return word
    weighed = Weighed(word)
    weighed.weight = float(weight)
    return weighed


def _when(text: object) -> object:
    if isinstance(text, str) and text and not text.strip():
        raise ValueError("an empty expression would match everything; remove it")
    return text


def _quiet(text: object) -> tuple[time, time]:
    if isinstance(text, tuple):
        return text
    ends = re.split(r"\s*[-–]\s*", text.strip()) if isinstance(text, str) else []
    try:
        start, end = map(_moment, ends)
    except ValueError:
        raise ValueError('two times of day are wanted, as in "23:00-07:00"') from None
    if start == end:
        raise ValueError('two different times of day are wanted, as in "23:00-07:00"')
    return start, end


def between(span: tuple[time, time]) -> str:
    """The way to write a span of the day: "23:00-07:00"."""
    return "-".join(moment.isoformat("seconds" if moment.second else "minutes") for moment in span)


def hide_password(url: str) -> str:
    """The same URL with `***` where its password stands."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(in_words, return_type=str)]
Size = Annotated[int, BeforeValidator(size)]
Moment = Annotated[time, BeforeValidator(_moment)]
Weekday = Annotated[int, BeforeValidator(_weekday)]
Address = Annotated[str, BeforeValidator(_address)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
Proxy = Annotated[str, BeforeValidator(_proxy), PlainSerializer(hide_password, return_type=str)]
Network = Annotated[str, BeforeValidator(_network)]
TimeZone = Annotated[str, BeforeValidator(_timezone)]
Words = Annotated[tuple[Annotated[str, PlainValidator(lambda word: word)], ...], BeforeValidator(_words)]
When = Annotated[str, BeforeValidator(_when)]
Quiet = Annotated[tuple[time, time], PlainValidator(_quiet)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
