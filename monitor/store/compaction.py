"""Give the free pages of a SQLite file back to the file system: a few at a time, or all by writing the file anew."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from monitor.store import engines
from monitor.store.errors import as_store_errors

_SPARE = 10  # one page in so many may be free: what is dropped today makes room for what arrives tomorrow
_INCREMENTAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpace:
    """How big a SQLite file is, in bytes."""

    size: int
    free: int  # of it: nothing is stored there
    shrinks: bool  # free pages are given back while the service runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What writing a file anew takes for a while, in bytes, and what there is."""

    folder: Path
    needed: int
    there: int


def space(tx: Connection) -> FileSpace | None:
    """Return how big the file is; None for PostgreSQL, which keeps its files itself."""
    if tx.dialect.name != "sqlite":
        return None
    page = _pragma(tx, "page_size")
    return FileSpace(
        size=page * _pragma(tx, "page_count"),
        free=page * _pragma(tx, "freelist_count"),
        shrinks=_pragma(tx, "auto_vacuum") == _INCREMENTAL,
    )


def give_back(tx: Connection, most: int) -> int:
    """Give at most so many free pages of a SQLite file back, but for some to spare; return their count.

    In a file that was made before files could do that, nothing.
    """
    if _pragma(tx, "auto_vacuum") != _INCREMENTAL:
        return 0
    pages = max(0, min(most, _pragma(tx, "freelist_count") - _pragma(tx, "page_count") // _SPARE))
    cursor = tx.connection.cursor()
    for _ in range(pages):
        # One by one: sqlite3 takes but the first step of a statement that returns nothing.
        cursor.execute("PRAGMA incremental_vacuum(1)")
    return pages


def rooms(file: Path, space: FileSpace) -> list[Room]:
    """Return what writing a file anew takes where: a copy in the folder for temporary files, and one in its log."""
    copy = space.size - space.free
    beside, temporary = file.parent, _temporary_folder()
    if beside.stat().st_dev == temporary.stat().st_dev:
        return [Room(folder=beside, needed=2 * copy, there=shutil.disk_usage(beside).free)]
    return [
        Room(folder=folder, needed=copy, there=shutil.disk_usage(folder).free)
        for folder in (temporary, beside)
    ]


def rewrite(url: str) -> None:
    """Write a SQLite file anew, without free pages; from then on it gives those back that become free.

    Raises StoreError, also where somebody else writes for longer than ten seconds.
    """
    parsed = engines.parse_url(url)
    engine = engines.alone(parsed)
    try:
        with as_store_errors(parsed), engine.connect() as connection:
            for statement in (
                "PRAGMA auto_vacuum = INCREMENTAL",
                "VACUUM",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ):
                connection.exec_driver_sql(statement).close()
    finally:
        engine.dispose()


def _pragma(tx: Connection, name: str) -> int:
    return int(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _temporary_folder() -> Path:
    """Return the folder that SQLite takes for temporary files (sqlite.org/tempfiles.html, section 5)."""
    named = (os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR"))
    folders = (Path(folder) for folder in (*named, "/var/tmp", "/usr/tmp", "/tmp") if folder)  # noqa: S108 - SQLite's
    return next(
        (folder for folder in folders if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)), Path()
    )
