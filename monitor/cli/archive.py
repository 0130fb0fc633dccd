"""The command that makes the pages of the archive anew: archive."""

from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.terminal import answer, complain, say, share
from monitor.errors import MonitorError
from monitor.jobs.archive import Archived, archive
from monitor.loaded import load
from monitor.queries.answers.work import ArchiveAnswer
from monitor.service.register import register
from monitor.service.runtime import archive_place
from monitor.store.database import Database
from monitor.texts import sentence


def write_archive(path: Path, *, json: bool) -> int:
    """Write every page that can still be made; return 1 where some cannot be written. Raises MonitorError."""
    loaded = load(path)
    place = archive_place(loaded)
    if place is None:
        raise MonitorError(
            sentence("there is no archive: [archive] directory in {file} names none.", file=path.name)
        )

    async def write(db: Database) -> Archived:
        now = await time_of(db)
        await db.write(register, loaded, now)
        done, total = 0, 0
        with share(sentence("pages")) as show:

            def begin(issues: int) -> None:
                nonlocal total
                total = issues

            def step() -> None:
                nonlocal done
                done += 1
                show(done, total)

            return await archive(place, db=db, now=now, anew=True, begin=begin, step=step)

    archived = use_database(loaded.store_url, write, writable=True)
    if json:
        answer(
            ArchiveAnswer(
                directory=str(place.directory),
                written=archived.written,
                kept=archived.kept,
                lost=archived.lost,
                failed=archived.failed,
            )
        )
        return int(bool(archived.failed))
    values = {"directory": str(place.directory), "number": archived.written}
    if archived.written == 1:
        say(sentence("{directory}: 1 page written.", **values))
    else:
        say(sentence("{directory}: {number} pages written.", **values))
    if archived.kept:
        say(
            sentence(
                "Pages left as they are, because the texts of their entries are kept no longer: {number}.",
                number=archived.kept,
            )
        )
    if archived.lost:
        say(
            sentence(
                "Digests without a page that cannot be made any more, for the same reason: {number}.",
                number=archived.lost,
            )
        )
    if archived.failed:
        complain(archived.failed)
    return int(bool(archived.failed))
