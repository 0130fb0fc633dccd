"""Leave a note beside a database that was deleted or replaced under the service, and report it at the next start.

Nothing can be written to such a database: the note is a file of its own, which the next start reads and deletes.
"""

import contextlib
from datetime import datetime
from pathlib import Path

from monitor.errors import DatabaseGoneError
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import engines, notices
from monitor.store.database import Database


def leave_note(database: Path, error: DatabaseGoneError, now: datetime) -> None:
    """Write down why the service ended; where the directory is gone too, only the log and the exit code say so."""
    with contextlib.suppress(OSError):
        _note(database).write_text(f"{now:%Y-%m-%d %H:%M:%S} UTC: {error}\n", encoding="utf-8")


async def report_note(db: Database, now: datetime) -> None:
    """Report to the operator what an earlier service has left a note about. Raises StoreError."""
    if db.file is None:
        return
    note = _note(db.file)
    try:
        text = note.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return
    trouble = Trouble(kind=NoticeKind.DATABASE_REPLACED, content=text, details=text, since=now)
    await db.write(notices.report, trouble, now)
    with contextlib.suppress(OSError):
        note.unlink()


def _note(database: Path) -> Path:
    return database.with_name(f"{database.name}{engines.NOTE}")
