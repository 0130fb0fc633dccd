"""A change of config.toml is shown, checked as a whole, and only then put in its place."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from monitor.config.reading import as_text, read_file
from monitor.errors import ConfigError, MonitorError
from monitor.loaded import check_bytes

_MARK = b"\xef\xbb\xbf"  # a byte order mark, which stays where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a file holds, and what it would hold."""

    path: Path
    before: bytes
    after: bytes

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines that differ, in the manner of diff -u; empty when nothing does."""
        old, new = (_text(raw).splitlines() for raw in (self.before, self.after))
        name = self.path.name
        return tuple(unified_diff(old, new, name, f"{name} (changed)", lineterm=""))


class ChangeRefusedError(ConfigError):
    """The change would make a file that cannot be worked by; nothing was written."""

    def __init__(self, error: ConfigError) -> None:
        super().__init__(error.path, error.problems)
        self.args = (
            f"{error}\nNothing was changed: this is what would be wrong with the file after the change.",
        )


def text_of(path: Path) -> str:
    """The text of a file that is to be changed. Raises ConfigError, also when it has problems already."""
    raw = read_file(path)
    check_bytes(path, raw)
    return as_text(raw, path)


def change(path: Path, before: str, after: str) -> Change:
    """The change from one text of a file to another.

    Raises ChangeRefusedError when the new text has problems, MonitorError when the file has another text by now.
    """
    raw = read_file(path)
    if as_text(raw, path) != before:
        raise MonitorError(f"{path} was changed by somebody else just now. Nothing was written; try again")
    planned = Change(path=path, before=raw, after=(_MARK if raw.startswith(_MARK) else b"") + after.encode())
    try:
        check_bytes(path, planned.after)
    except ConfigError as error:
        raise ChangeRefusedError(error) from None
    return planned


def write(planned: Change) -> None:
    """Put the new content in the file's place: whole, with the owner and mode it had, also behind a link.

    Raises MonitorError when it cannot be written, or when somebody else has changed the file since.
    """
    path = planned.path.resolve()
    if read_file(path) != planned.before:
        raise MonitorError(f"{path} was changed by somebody else just now. Nothing was written; try again")
    try:
        with _beside(path) as (file, name):
            os.write(file, planned.after)
            was = path.stat()
            os.fchmod(file, was.st_mode & 0o7777)
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):  # only root may give a file away
                    os.fchown(file, was.st_uid, was.st_gid)
            os.fsync(file)
            Path(name).replace(path)
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}. Nothing was changed") from error


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[tuple[int, str]]:
    """A new file in the same directory, open; gone at the end unless it was renamed."""
    file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield file, name
    finally:
        os.close(file)
        Path(name).unlink(missing_ok=True)


def _text(raw: bytes) -> str:
    return raw.removeprefix(_MARK).decode("utf-8", "replace")
