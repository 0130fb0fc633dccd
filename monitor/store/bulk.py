"""Many rows at once, on both databases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

_CHUNK = 500  # parameters in one statement; SQLite and PostgreSQL give up at 32,766 and 65,535


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in their order, a few hundred at a time."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def insert_missing(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the rows whose key is not there yet; the others stay as they are."""
    if rows:
        tx.execute(or_keep(tx, table), rows)


def or_keep(tx: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that leaves a row of the same key alone: the same words, of two dialects to SQLAlchemy."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
