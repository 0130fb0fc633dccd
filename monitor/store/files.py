"""Make a SQLite file beside its place, and put it there whole: what was there is kept, nothing half done is left."""

import fcntl
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, OperationalError

from monitor.errors import StoreError
from monitor.reasons import reason_of
from monitor.store import engines
from monitor.store.errors import store_error
from monitor.texts import sentence


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Give an empty file in the same directory, which only its owner may read; at the end nothing is left of it.

    Nor of those whose process was killed. Raises StoreError where there can be none.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(file)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=_HELD, dir=file.parent)
    except OSError as error:
        raise StoreError(
            sentence("{file} cannot be written: {why}", file=file, why=reason_of(error))
        ) from error
    held = Path(name)
    try:
        _hold(handle)
        part = _part_of(held)
        with writing_to(file):
            part.touch(mode=0o600, exist_ok=False)
        yield part
    finally:
        _remove(held)
        os.close(handle)


# A file beside the part is locked as long as its process lives. Not the part: on a network's file system such a lock
# and SQLite's own would keep each other out.
_HELD = ".part-held"


def _part_of(held: Path) -> Path:
    return held.with_name(held.name.removesuffix("-held"))


def _hold(handle: int) -> bool:
    """Lock an open file until it is closed; return False where somebody else does, or there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(held: Path) -> None:
    """Remove a part with all that stands beside it; last what says that somebody holds it."""
    part = _part_of(held)
    for file in (*(companion(part, suffix) for suffix in ("", *engines.COMPANIONS)), held):
        with suppress(OSError):
            file.unlink()


def _remove_abandoned(file: Path) -> None:
    """Remove the parts of a file whose processes were killed, as far as the directory lets."""
    # What mkstemp puts in has no dot: the parts of other files, whose names only begin like this one, have.
    name = re.compile(rf"\.{re.escape(file.name)}\.[^.]+{re.escape(_HELD)}")
    found: list[Path] = []
    with suppress(OSError):  # one that may be written and not listed
        found += [each for each in file.parent.iterdir() if name.fullmatch(each.name)]
    for held in found:
        with suppress(OSError):  # gone by now, or somebody else's
            handle = os.open(held, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if _hold(handle):
                    _remove(held)
            finally:
                os.close(handle)


def give_to_owner_of(like: Path, part: Path) -> None:
    """Give a file to whom another one belongs: root restores, and the service's own user has to write it."""
    owner = like.stat()
    if os.geteuid() == 0:
        os.chown(part, owner.st_uid, owner.st_gid)


def put_in_place(part: Path, file: Path) -> None:
    """Give a finished file its name, in the place of one that had it. Raises StoreError; then nothing has changed."""
    with writing_to(file):
        part.replace(file)
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def set_aside(url: URL, kept: Path) -> None:
    """Give a SQLite file that nobody has open another name besides its own, and write its log back into it.

    Of a damaged one the log is set aside too, and so is a log whose file is gone: SQLite would write it into whichever
    file takes the place. Afterwards a sound one may. Raises StoreError where somebody has it open.
    """
    file = file_of(url)
    try:
        if file.exists():
            _write_log_back(url)
    except DatabaseError as error:
        if isinstance(error, OperationalError):  # it cannot be had just now, but may well be sound
            is_locked = "locked" in str(error)
            raise (StoreError(_is_open(file)) if is_locked else store_error(error, url)) from error
    with writing_to(kept):
        for suffix in ("", *engines.COMPANIONS):
            if companion(file, suffix).exists():
                os.link(companion(file, suffix), companion(kept, suffix))
        for suffix in engines.COMPANIONS:
            companion(file, suffix).unlink(missing_ok=True)


def _write_log_back(url: URL) -> None:
    """Leave no log beside a SQLite file. Raises StoreError where somebody has it open, and DatabaseError."""
    file = file_of(url)
    engine = engines.alone(url)
    try:
        with engine.connect() as connection:
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    finally:
        engine.dispose()  # the last one to leave deletes the log
    if busy or companion(file, "-wal").exists():
        raise StoreError(_is_open(file))


def file_of(url: URL) -> Path:
    """Return the file of a SQLite database, at the end of symbolic links."""
    return Path(str(url.database)).resolve()


def belongs_to(url: URL, file: Path) -> bool:
    """Return whether a file, there or not, is one that is kept beside a SQLite database, or has the name of one."""
    own = file_of(url)
    names = {own.name + suffix for suffix in (*engines.COMPANIONS, engines.NOTE)}
    return file.parent.resolve() == own.parent and file.name in names


def require_unused(file: Path) -> None:
    """Raise StoreError where a SQLite file has a log beside it: somebody works on it, and may write it back."""
    with writing_to(file):  # a name may be too long for them
        is_used = any(companion(file, suffix).exists() for suffix in engines.COMPANIONS)
    if is_used:
        raise StoreError(_is_open(file))


def _is_open(file: Path) -> str:
    return sentence("{file}: another program has it open. Stop that first; nothing was changed", file=file)


def companion(file: Path, suffix: str) -> Path:
    """Return the file that stands beside another one, with this behind its name."""
    return file.with_name(file.name + suffix)


@contextmanager
def writing_to(file: Path) -> Iterator[None]:
    """Raise what fails in the block as a StoreError that names the file that was to be written."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        why = reason_of(error)
        raise StoreError(
            sentence(
                "{file} cannot be written: {why}. Nothing was changed",
                file=file,
                why=why or type(error).__name__,
            )
        ) from error
