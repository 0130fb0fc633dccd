"""Column types and statements that work alike on SQLite and PostgreSQL."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
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
    if rows and tx.dialect.name == "sqlite":
        _insert_into_sqlite(tx, insert_or_keep(tx, table), rows)
    elif rows:
        tx.execute(insert_or_keep(tx, table), rows)


def insert_numbered(
    tx: Connection, number: Column[int], rows: Sequence[Mapping[str, object]]
) -> Sequence[int]:
    """Insert rows that the database numbers by their arrival; return their numbers, in the order of the rows.

    SQLite has one writer, and so the numbers are known beforehand: with them, many rows cost a third.
    """
    if not rows:  # an INSERT without any is one of defaults
        return []
    table = number.table
    if tx.dialect.name == "sqlite":
        last = tx.scalar(_LAST_NUMBER, {"table": table.name}) or 0
        numbers = range(last + 1, last + 1 + len(rows))
        numbered = [{**row, number.name: each} for row, each in zip(rows, numbers, strict=True)]
        _insert_into_sqlite(tx, _insert(table), numbered)
        return numbers
    return tx.scalars(insert(table).returning(number, sort_by_parameter_order=True), rows).all()


_insert = cache(insert)  # one statement for a table, so that it is compiled once
_LAST_NUMBER = text("SELECT seq FROM sqlite_sequence WHERE name = :table")


def _insert_into_sqlite(tx: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows that all have the keys of the first, for a third of what SQLAlchemy takes to do it."""
    text_of_it, columns = _compiled(statement, tuple(rows[0]), tx.dialect)
    by_column = [
        [process(row[name]) for row in rows] if process else [row[name] for row in rows]
        for name, process in columns
    ]
    tx.exec_driver_sql(text_of_it, list(zip(*by_column, strict=True)))


@lru_cache(maxsize=100)
def _compiled(
    statement: Insert, names: Sequence[str], dialect: Dialect
) -> tuple[str, Sequence[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the text of an INSERT of these columns, and in its order the columns, with what converts their values."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    in_order = compiled.positiontup or []
    types = (statement.table.c[name].type.dialect_impl(dialect) for name in in_order)
    processors = (each.bind_processor(dialect) for each in types)
    return str(compiled), list(zip(in_order, processors, strict=True))


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
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)  # what is printable has neither


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


# The types below give their processors themselves: a `process_bind_param` is called by two functions more, and a value
# is converted a hundred times for each document.


class Words(TypeDecorator[str]):
    """Text of any origin, cleaned before it is stored."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Return what makes a value fit for the database."""
        return _cleaned


def _cleaned(value: str | None) -> str | None:
    return value if value is None or value.isprintable() else clean(value)


class Instant(TypeDecorator[datetime]):
    """A UTC instant, aware on both sides, to the microsecond. Raises ValueError for a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object]:
        """Return what makes a value fit for the database."""
        return _as_written if dialect.name == "sqlite" else _utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Return what makes an instant of what the database answers."""
        return _read_written if dialect.name == "sqlite" else _as_utc


def _utc(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is not UTC and value.utcoffset() != timedelta(0):
        raise ValueError(f"expected an aware UTC datetime, not {value!r}")
    return value


def _as_written(value: datetime | None) -> str | None:
    # SQLite keeps text without a zone: one length, so that its order is the order of time.
    utc = _utc(value)
    return None if utc is None else utc.replace(tzinfo=None).isoformat(" ", "microseconds")


def _read_written(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


def _as_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class Names(TypeDecorator[tuple[str, ...]]):
    """Store a tuple of short texts as a JSON list."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[str, ...] | None], str | None]:
        """Return what makes a value fit for the database."""
        return _names_as_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], tuple[str, ...] | None]:
        """Return what makes names of what the database answers."""
        return _names_of_json


def _names_as_json(value: tuple[str, ...] | None) -> str | None:
    if value is None:
        return None
    return _json([clean(name) for name in value]) if value else "[]"


def _names_of_json(value: str | None) -> tuple[str, ...] | None:
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
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
