"""Check that a database file is whole, as far as SQLite can tell by a quick look at every page."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

_MOST = 5  # faults that are told


def faults(tx: Connection) -> Sequence[str]:
    """Return what is broken in a SQLite file, [] for a whole one; [] for PostgreSQL, which looks after itself."""
    if tx.dialect.name != "sqlite":
        return []
    rows = tx.execute(text(f"PRAGMA quick_check({_MOST})")).scalars()
    return [str(row) for row in rows if row != "ok"]
