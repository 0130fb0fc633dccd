"""Keep what tells of lost and repeated entries: the log, the database and its rows, the mails, what was done when."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from tests.storm.arrivals import Missing, Repeat, Verdict
from tests.storm.databases import SqliteDatabase
from tests.storm.world import World

_SHOWN = 20  # losses and repeats whose rows are written


def keep(world: World, verdict: Verdict) -> Path:
    """Write the evidence into a folder beside the installation, and return it."""
    folder = world.folder / "evidence"
    folder.mkdir()
    shutil.copy(world.service.log, folder / "log")
    shutil.copy(world.config.path, folder / "config.toml")
    _write(folder / "notes", iter(world.notes))
    _write(folder / "verdict", _verdict(world, verdict))
    _write(folder / "taken", _taken(world))
    by_number = {entry.number: entry for entry in world.stream.entries}
    links = {missing.entry.link for missing in verdict.lost[:_SHOWN]}
    links |= {by_number[number].link for repeat in verdict.repeats[:_SHOWN] for number in repeat.numbers[:2]}
    _write(folder / "rows", world.database.dump(links))
    if isinstance(world.database, SqliteDatabase):
        for file in world.database.file.parent.glob("monitor.db*"):
            shutil.copy(file, folder)
    return folder


def _write(file: Path, lines: Iterator[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _verdict(world: World, verdict: Verdict) -> Iterator[str]:
    for missing in verdict.lost:
        yield _lost(world, missing)
    for repeat in verdict.repeats:
        yield _repeated(world, repeat)


def _lost(world: World, missing: Missing) -> str:
    at = _instant(world, missing.entry.at)
    return (
        f"lost: entry {missing.entry.number} to {missing.recipient}, published at {at}, during {missing.kind}"
    )


def _repeated(world: World, repeat: Repeat) -> str:
    now, before = repeat.taken, repeat.before
    answered = "withheld" if before.answered_at is None else _instant(world, before.answered_at)
    return (
        f"repeated: {len(repeat.numbers)} entries {repeat.numbers[:5]} to {now.recipient} at "
        f"{_instant(world, now.at)} in {now.message_id}, before at {_instant(world, before.at)} in "
        f"{before.message_id} (250 at {answered}), during {repeat.kind}{', other bytes' if repeat.is_unequal else ''}"
    )


def _taken(world: World) -> Iterator[str]:
    for mail in world.relay.taken:
        answered = "withheld" if mail.answered_at is None else _instant(world, mail.answered_at)
        yield (
            f"{_instant(world, mail.at)} (250 at {answered}) to {mail.recipient} {mail.message_id} "
            f"{len(mail.raw)} bytes {sorted(mail.numbers)}"
        )


def _instant(world: World, at: float) -> str:
    wall = time.strftime("%H:%M:%S", time.gmtime(time.time() - time.monotonic() + at))
    return f"{at - world.began_at:.2f} s {wall}"
