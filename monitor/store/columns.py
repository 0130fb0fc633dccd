"""How our values look in a column, the same on both databases."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

from monitor.model.rules import Hit


def clean(text: str) -> str:
    """The same text with U+FFFD for each NUL and lone surrogate, so that positions in it stay true.

    PostgreSQL refuses NUL in text; neither database can encode a surrogate. Both arrive in what
    servers answer.
    """
    return _UNSTORABLE.sub("\ufffd", text)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Words(TypeDecorator[str]):
    """Text of any origin, cleaned on its way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class Instant(TypeDecorator[datetime]):
    """A UTC instant, aware on both sides, to the microsecond. Raises ValueError for a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() != timedelta(0):
            raise ValueError(f"an aware UTC datetime is wanted, not {value!r}")
        # SQLite keeps text without a zone: one length, so that its order is the order of time.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Names(TypeDecorator[tuple[str, ...]]):
    """A few short texts in their order, as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else _json([clean(name) for name in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


class Hits(TypeDecorator[tuple[Hit, ...]]):
    """Why a rule matched, as a JSON list of [field, word, found, start, end]."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Hit, ...] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _json([[hit.field, clean(hit.word), clean(hit.found), hit.start, hit.end] for hit in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Hit, ...] | None:
        if value is None:
            return None
        return tuple(
            Hit(field=field, word=word, found=found, start=start, end=end)
            for field, word, found, start, end in json.loads(value)
        )


def _json(value: list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
