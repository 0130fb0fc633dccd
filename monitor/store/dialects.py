"""Column types and statements that work alike on SQLite and PostgreSQL."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, DateTime, Dialect, Insert, Table, Text, insert, text
from sqlalchemy.types import TypeDecorator

from monitor.model.rules import Hit

T = TypeVar("T")

_CHUNK = 500  # parameters in one statement; SQLite and PostgreSQL give up at 32,766 and 65,535


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in their order, as many at a time as one statement takes as parameters."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def insert_missing(tx: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert the rows whose key is not there yet; the others stay as they are."""
    if rows:
        tx.execute(insert_or_keep(tx, table), rows)


def insert_numbered(
    tx: Connection, number: Column[int], rows: Sequence[Mapping[str, object]]
) -> Sequence[int]:
    """Insert rows that the database numbers by their arrival; return their numbers, in the order of the rows.

    SQLite has one writer, and so the numbers are known beforehand: with them, many rows cost a third.
    """
    table = number.table
    if tx.dialect.name == "sqlite":
        last = tx.scalar(_LAST_NUMBER, {"table": table.name}) or 0
        numbers = range(last + 1, last + 1 + len(rows))
        tx.execute(
            _insert(table), [{**row, number.name: each} for row, each in zip(rows, numbers, strict=True)]
        )
        return numbers
    return tx.scalars(insert(table).returning(number, sort_by_parameter_order=True), rows).all()


_LAST_NUMBER = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
_insert = cache(insert)  # SQLAlchemy knows a statement that it has seen before by the object


def insert_or_keep(tx: Connection, table: Table) -> Insert:
    """Return an INSERT that leaves a row of the same key alone: one SQL text, two dialects to SQLAlchemy."""
    return _insert_or_keep(tx.dialect.name, table)


@cache
def _insert_or_keep(dialect: str, table: Table) -> Insert:
    # Imported where it is used: PostgreSQL's dialects take 0.1 s.
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table).on_conflict_do_nothing()


def clean(text: str) -> str:
    """Return the text with U+FFFD for each NUL and lone surrogate, so that positions in it stay true.

    PostgreSQL refuses NUL in text; neither database can encode a surrogate. Both arrive in what
    servers answer.
    """
    return _UNSTORABLE.sub("\ufffd", text)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Words(TypeDecorator[str]):
    """Text of any origin, cleaned before it is stored."""

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
            raise ValueError(f"expected an aware UTC datetime, not {value!r}")
        # SQLite keeps text without a zone: one length, so that its order is the order of time.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Names(TypeDecorator[tuple[str, ...]]):
    """Store a tuple of short texts as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else _json([clean(name) for name in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


class Hits(TypeDecorator[tuple[Hit, ...]]):
    """Store the hits of a match as a JSON list of [field, word, found, start, end]."""

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
