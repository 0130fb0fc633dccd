"""Write the files of the archive: each is whole on the disk, or as it was before."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PRIVATE = 0o700


def write_page(root: Path, name: str, content: bytes) -> bool:
    """Put a file into the archive by a rename; return False where it says that already. Raises OSError.

    Its bytes are on the disk then, its name is after `sync`.
    A directory that is missing is made for its owner alone. Who may enter `root` may read what is in it: it is the
    operator who opens it to a web server.
    """
    file = root / name
    if not root.exists():
        root.mkdir(mode=_PRIVATE)
    mode = root.stat().st_mode & 0o777
    if not file.parent.exists():
        file.parent.mkdir(mode=mode)
        file.parent.chmod(mode)  # whatever the umask
    readable = mode & 0o444 | 0o600
    with suppress(FileNotFoundError):
        if file.stat().st_size == len(content) and file.read_bytes() == content:
            return False
    handle, part = tempfile.mkstemp(prefix=_PREFIX, suffix=".part", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as written:
            os.fchmod(handle, readable)
            written.write(content)
            written.flush()
            os.fsync(handle)
        Path(part).replace(file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return True


def sync(root: Path, folders: Iterable[str]) -> None:
    """Wait until the disk has the names of what was written into the archive, in these folders. Raises OSError."""
    for directory in (*(root / folder for folder in folders), root):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def names_in(root: Path, folder: str) -> set[str]:
    """Return the names of the files in a folder of the archive, as within the archive; none where it is missing.

    What a process that was killed left half written is removed. Raises OSError.
    """
    names = set()
    with suppress(FileNotFoundError):
        for each in (root / folder).iterdir():
            if each.name.startswith(_PREFIX):
                each.unlink(missing_ok=True)
            else:
                names.add(f"{folder}/{each.name}")
    return names


_PREFIX = ".writing-"
