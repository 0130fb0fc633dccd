"""Deliver mails into a Maildir on this machine, for as long as no mail server is configured."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import SendError, SendKind
from monitor.mail import BeforeDot, BeforeRcpt, Send, go_on
from monitor.model.mail import Mail
from monitor.reasons import reason_of
from monitor.texts import sentence


def maildir_sender(directory: Path) -> Send:
    """Return a `Send` that delivers into a Maildir (`tmp`, `new` and `cur` below `directory`; made when missing).

    A mail is complete in `new`, or not there at all. Delivered again, the same mail changes nothing, even when
    a reader has moved it to `cur`. The `Send` raises SendError (LATER) when the disk is full or not writable.
    """

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        with _later_on_os_error(directory):
            await asyncio.to_thread(_make_maildir, directory)
        await before_rcpt()
        await before_dot()
        with _later_on_os_error(directory):
            return await asyncio.to_thread(_deliver, directory, mail)

    return send


@contextmanager
def _later_on_os_error(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = sentence(
            "cannot store the mail in {directory} ({reason}): free space there, and make it writable",
            directory=str(directory),
            reason=reason_of(error),
        )
        raise SendError(what, SendKind.LATER) from error


def _make_maildir(directory: Path) -> None:
    if not (directory / "cur").is_dir():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("tmp", "new", "cur"):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        _sync(directory)
        _sync(directory.parent)


def _deliver(directory: Path, mail: Mail) -> str:
    # Not the usual unique name: after a kill the same mail comes again, and must meet itself.
    name = f"{int(mail.date.timestamp())}.{hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]}.monitor"
    new = directory / "new" / name
    # In this order, because a reader moves mails from `new` to `cur`, where it adds flags to the name.
    if not new.exists() and not any((directory / "cur").glob(f"{name}*")):
        _write(directory / "tmp" / name, mail.raw)
        (directory / "tmp" / name).replace(new)
    _sync(directory / "new")
    return f"stored in {new}"


def _write(path: Path, raw: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)  # a part of a mail is of no use
        raise


def _sync(directory: Path) -> None:
    """Write a directory to disk, so that files made or renamed in it are still there after a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
