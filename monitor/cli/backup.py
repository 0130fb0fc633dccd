"""The commands that copy the database: backup, restore, store copy; and what becomes of mails that a restore holds."""

import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from monitor.cli.moments import Times, times_in
from monitor.cli.outbox_list import slot_in_words
from monitor.cli.terminal import answer, say, share, size_in_words, table
from monitor.config.checked import store_url_of
from monitor.jobs.backup import back_up, copy_store
from monitor.jobs.backup import restore as restore_backup
from monitor.masking import mask
from monitor.model.mail import Delivery
from monitor.queries.answers.status import OutboxMail
from monitor.queries.answers.store import BackupAnswer, CopyAnswer, RestoreAnswer
from monitor.service.clock import clock
from monitor.texts import sentence

_NAMED = 20  # mails


def backup(path: Path, file: Path, *, force: bool, json: bool) -> int:
    """Copy the database into a file and check the copy; return 0. Raises MonitorError where there is no good one."""
    url = store_url_of(path)
    with ended_by_signals(), share(sentence("backing up")) as report:
        made = back_up(url, file.absolute(), force=force, report=report)
    if json:
        answer(BackupAnswer(file=str(made.file), size=made.size, rows=made.rows))
        return 0
    say(
        sentence(
            "{file}: {size}, checked (entries: {entries}, digests: {digests}, mails: {mails}).",
            file=made.file,
            size=size_in_words(made.size),
            entries=made.rows.get("entries", 0),
            digests=made.rows.get("digests", 0),
            mails=made.rows.get("outbox", 0),
        )
    )
    say(sentence("config.toml and the password files are not in it: keep a copy of them, too."))
    if not url.startswith("sqlite"):
        command = f"pg_dump --format=custom --file={shlex.quote(f'{file}.dump')} {_for_postgres(url)}"
        say(sentence("For PostgreSQL's own tools: {command}", command=command))
    return 0


def restore(path: Path, file: Path, *, json: bool) -> int:
    """Put a backup in the place of the database; return 0. Raises MonitorError; then nothing has changed."""
    folder = path.absolute().parent
    with ended_by_signals(), share(sentence("restoring")) as report:
        restored = restore_backup(
            store_url_of(path), file.absolute(), folder=folder, now=clock(), report=report
        )
    if json:
        answer(
            RestoreAnswer(
                file=str(file.absolute()),
                rows=restored.rows,
                kept=str(restored.kept) if restored.kept else None,
                migrated=restored.migrated,
                known_until=restored.known_until,
                held=tuple(OutboxMail.of(delivery) for delivery in restored.held),
            )
        )
        return 0
    say(
        sentence(
            "The database is that of {file} (entries: {entries}, mails: {mails}).",
            file=file,
            entries=restored.rows.get("entries", 0),
            mails=restored.rows.get("outbox", 0),
        )
    )
    if restored.migrated:
        say(
            sentence(
                "The backup was of an earlier version: it was brought to this one, the file is as it was."
            )
        )
    if restored.kept:
        say(sentence("What was there before is kept: {kept}", kept=restored.kept))
    times = times_in(path, clock())
    say(
        sentence(
            "The backup knows what happened until {instant}. What was mailed later may come again.",
            instant=times.at(restored.known_until),
        )
        if restored.known_until
        else sentence("The backup is empty. What was mailed since may come again.")
    )
    if restored.kept:
        say(
            sentence(
                "Who unsubscribed after the backup was made gets mails again, unless you unsubscribe them anew: "
                'docs/guide/recipients.md, "After a restore".'
            )
        )
    _show_held(restored.held, times)
    times.say_zone()
    return 0


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as an interrupt does, so that it cleans up; the exit code is 128 + number.

    A signal that is ignored (nohup) stays so.
    """
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def end(number: int, _frame: object) -> NoReturn:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)  # a second one does not break off the cleaning up
        raise SystemExit(128 + number)

    try:
        for number in numbers:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, end)
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _show_held(held: Sequence[Delivery], times: Times) -> None:
    """List the mails that wait for a decision, and say how it is made."""
    if not held:
        return
    if len(held) == 1:
        say(sentence("1 mail of the backup had not been sent. It may have been since, so it is held:"))
    else:
        say(
            sentence(
                "{number} mails of the backup had not been sent. They may have been since, so they are held:",
                number=len(held),
            )
        )
    table(
        *(sentence("mail"), sentence("to"), sentence("slot")),
        rows=[(delivery.id, delivery.mail.to, slot_in_words(delivery, times)) for delivery in held[:_NAMED]],
        right=("mail",),
    )
    if len(held) > _NAMED:
        say(sentence('and {number} more: "monitor outbox" lists them.', number=len(held) - _NAMED))
    say(
        sentence(
            '"monitor outbox --release ID" sends one, "monitor outbox --cancel ID" drops it; "all" means all of them.'
        )
    )


def copy(source: str, target: str, *, json: bool) -> int:
    """Copy a database into an empty one; return 0. Raises MonitorError; then the other one is as it was."""
    with ended_by_signals(), share(sentence("copying")) as report:
        rows = copy_store(source, target, now=clock(), report=report)
    if json:
        answer(CopyAnswer(source=mask(source), target=mask(target), rows=rows))
        return 0
    table(sentence("table"), sentence("rows"), rows=list(rows.items()), right=("rows",))
    say(
        sentence(
            "Copied and compared, every row. Now write url = {url} into [store], and start no service on the old one.",
            url=f'"{mask(target)}"',
        )
    )
    return 0


def _for_postgres(url: str) -> str:
    """Return a database's URL as PostgreSQL's own programs read it, without its password."""
    scheme, _, rest = mask(url).partition("://")
    return shlex.quote(f"{scheme.partition('+')[0]}://{rest}")
