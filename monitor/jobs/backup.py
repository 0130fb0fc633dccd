"""Back a database up into one file, restore it from there, and copy it into another database.

Whatever goes wrong on the way, or kills the process: what was there before stays as it was, and nothing half done takes
its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.errors import SchemaError, StoreError
from monitor.jobs.choose import why_mail_declined
from monitor.model.mail import Delivery
from monitor.store import attempts, copying, engines, files, outbox, place, repair, schema, services
from monitor.store.copying import Counts, Report
from monitor.store.database import URL, Connection
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made and checked."""

    file: Path
    size: int  # bytes
    rows: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A database that was restored."""

    rows: Counts
    kept: Path | None  # where the database before it is; None where there was none, or nothing in it
    migrated: bool  # the backup was of an earlier version
    known_until: datetime | None  # what happened later, the backup does not know; None for an empty one
    held: Sequence[Delivery]  # mails that waited in it: until somebody releases or cancels them


def back_up(url: str, file: Path, *, force: bool, report: Report) -> Backup:
    """Copy a database, as it is at this moment, into one SQLite file; a service may go on working on it.

    The file is readable by its owner only. Raises StoreError where there is such a file already, unless `force`, and
    where the copy fails or is not sound; SchemaError for a database that is not ours.
    """
    source, file = engines.parse_url(url), file.resolve()
    is_there = place.is_there(file)
    _refuse_own_file(source, file)
    _require_database(source)
    if is_there and not file.is_file():
        raise StoreError(
            sentence("{file} is not a file that a backup may replace: name another one", file=file)
        )
    if is_there and not force:
        raise StoreError(
            sentence("{file} exists already. --force replaces it once the new backup is good", file=file)
        )
    files.require_unused(file)
    if not file.parent.is_dir():  # a slip of the pen, or a disk that is not mounted
        raise StoreError(
            sentence(
                "{file} cannot be written: there is no directory {folder}", file=file, folder=file.parent
            )
        )
    with files.beside(file) as part:
        if source.get_backend_name() == "sqlite":
            rows = copying.copy_file(source, part, report)
        else:
            rows = copying.copy_rows(source, engines.url_of(part), report)
            copying.finish_file(part, rows)
        size = part.stat().st_size
        files.put_in_place(part, file)
    return Backup(file=file, size=size, rows=rows)


def restore(url: str, file: Path, *, folder: Path, now: datetime, report: Report) -> Restored:
    """Put a backup in the place of a database that no service runs on; mails that wait in it are held.

    A SQLite file that was there is kept beside it; of PostgreSQL what was there is kept in a file in `folder`. Raises
    StoreError; then nothing has changed.
    """
    target = engines.parse_url(url)
    revision = _revision_of_backup(file)
    _refuse_own_file(target, file)
    in_file = target.get_backend_name() == "sqlite"
    there = files.file_of(target) if in_file else folder / "monitor.db"
    if not in_file or there.exists():
        copying.require_no_service(target, now)
    if not in_file:
        schema.ensure(target, migrate=True)
    with files.beside(there) as part:
        rows = copying.copy_file(engines.url_of(file), part, report)
        part_url = engines.url_of(part)
        schema.ensure(part_url, migrate=True)
        held, known_until = copying.change_alone(part_url, lambda tx: _prepare(tx, now))
        if in_file:
            copying.finish_file(part, {})
            files.give_to_owner_of(there if there.exists() else there.parent, part)
            kept = _set_aside(target, there, now)
            files.put_in_place(part, there)
        else:
            kept = _keep_rows(target, folder, now, report)
            rows = copying.copy_rows(part_url, target, report, replace=True)
    migrated = revision != schema.HEAD
    return Restored(rows=rows, kept=kept, migrated=migrated, known_until=known_until, held=held)


def copy_store(source: str, target: str, *, now: datetime, report: Report) -> Counts:
    """Copy a database that no service runs on into an empty one, of whatever kind; return the counts of its rows.

    Raises StoreError; then the other one is as it was.
    """
    from_url, to_url = engines.parse_url(source), engines.parse_url(target)
    _require_database(from_url)
    copying.require_no_service(from_url, now)
    return copying.copy_rows(from_url, to_url, report)


def release(tx: Connection, number: int, now: datetime, expires_at: datetime) -> str:
    """Let a mail go that is held until then; return why it may not, "" where it does."""
    if why := why_mail_declined(tx, number, now):
        return sentence("mail {number} is not released: {why}.", number=number, why=why)
    if outbox.release_restored(tx, number, now, expires_at):
        return ""
    if outbox.is_unwanted(tx, number):
        return sentence(
            "mail {number} is not released: its recipient, or its subscription, is not in config.toml.",
            number=number,
        )
    return sentence("mail {number} is not held until it is released.", number=number)


def _prepare(tx: Connection, now: datetime) -> tuple[list[Delivery], datetime | None]:
    """Make a copy ready to be worked on: no service runs on it yet, and no mail of it goes by itself."""
    known_until = repair.newest(tx)
    services.end_all(tx)
    held = outbox.hold_restored(tx, now)
    attempts.interrupt(tx, [delivery.id for delivery in held], now)
    return held, known_until


def _set_aside(target: URL, there: Path, now: datetime) -> Path | None:
    kept = _unused_name(there, now)
    files.set_aside(target, kept)
    return kept if kept.exists() else None


def _unused_name(database: Path, now: datetime) -> Path:
    """Return the name under which what was there before is kept: with a number after the first of a second."""
    first = database.with_name(f"{database.name}.before-restore-{now:%Y%m%dT%H%M%S}")
    kept, number = first, 1
    while any(files.companion(kept, suffix).exists() for suffix in ("", *engines.COMPANIONS)):
        number += 1
        kept = first.with_name(f"{first.name}-{number}")
    return kept


def _keep_rows(target: URL, folder: Path, now: datetime, report: Report) -> Path | None:
    if copying.is_empty(target):
        return None
    database = folder / "monitor.db"
    kept = _unused_name(database, now)
    with files.beside(database) as part:  # under a name that comes again: what a kill leaves of it is found
        rows = copying.copy_rows(target, engines.url_of(part), report)
        copying.finish_file(part, rows)
        files.put_in_place(part, kept)
    return kept


def _require_database(url: URL) -> None:
    """Raise StoreError where there is no database of ours, or nothing in it."""
    if url.get_backend_name() == "sqlite" and not place.is_there(Path(str(url.database))):
        raise StoreError(sentence("{file}: there is no such database", file=url.database))
    if not copying.revision_of(url):
        raise StoreError(sentence("{file}: the database is empty", file=url.database))


def _refuse_own_file(url: URL, file: Path) -> None:
    """Raise StoreError where a file is the database itself, or has the name of one that is kept beside it."""
    if url.get_backend_name() != "sqlite":
        return
    own = Path(str(url.database))
    if own.exists() and file.exists() and own.samefile(file):
        raise StoreError(sentence("{file} is the database itself: name another file", file=file))
    if files.belongs_to(url, file):
        raise StoreError(sentence("{file} is kept for the database itself: name another file", file=file))


def _revision_of_backup(file: Path) -> str:
    """Return the revision of the tables in a backup. Raises StoreError where it is none, or of a newer version."""
    if not place.is_there(file) or not file.is_file():
        raise StoreError(sentence("{file}: there is no such file", file=file))
    try:
        revision = copying.revision_of(engines.url_of(file))
    except SchemaError as error:
        raise StoreError(sentence("{file} is no backup of this program", file=file)) from error
    except StoreError as error:
        raise StoreError(sentence("{file} is no backup: {why}", file=file, why=error.text)) from error
    if not revision:
        raise StoreError(sentence("{file} is no backup: there is nothing in it", file=file))
    if not schema.is_known(revision):
        raise StoreError(
            sentence(
                "{file} was made by a newer version of monitor: its tables are at {revision}, and this version knows "
                "them up to {newest}. Install that version first",
                file=file,
                revision=revision,
                newest=schema.HEAD,
            )
        )
    return revision
