"""The commands about the database: `monitor store`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, Json, path_of
from monitor.cli.usage import Commands

store = Commands(help="Look after the database.")


@store.command()
def compact(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Write the database file anew, without what is unused in it; the service has to be stopped meanwhile."""
    sys.exit(_compact(path_of(context, config), json=json))


@store.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of the database, as in [store].")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of an empty one.")],
    json: Json = False,
) -> None:
    """Copy the database into an empty one, SQLite to PostgreSQL or back; the service has to be stopped meanwhile."""
    from monitor.cli.backup import copy

    sys.exit(copy(source, target, json=json))


def _compact(path: Path, *, json: bool) -> int:
    """Compact a SQLite file; return 0. Raises MonitorError while a service runs on it, or without room on the disk."""
    from monitor.cli.database import time_of, use_database
    from monitor.cli.terminal import answer, say, size_in_words
    from monitor.config.checked import store_url_of
    from monitor.errors import MonitorError
    from monitor.queries.answers.status import CompactAnswer
    from monitor.store import compaction, services
    from monitor.store.compaction import FileSpace
    from monitor.store.database import Database
    from monitor.texts import joined, sentence

    url = store_url_of(path)

    async def look(db: Database) -> tuple[Path, FileSpace] | None:
        space = await db.read(compaction.space)
        if db.file is None or space is None:
            return None
        await db.read(services.require_none, await time_of(db), database=str(db.file))
        return db.file, space

    before = use_database(url, look)
    if before is None:
        if json:
            answer(CompactAnswer(database="postgresql", file=None, before=None, after=None))
        else:
            say(sentence("PostgreSQL makes room by itself (autovacuum): there is nothing to compact."))
        return 0
    file, space = before
    rooms = compaction.rooms(file, space)
    for room in rooms:
        if room.there < room.needed:
            raise MonitorError(
                sentence(
                    "{file}: to write it anew takes up to {needed} in {folder} for a while, and {free} are free "
                    "there. Make room, or name another folder for temporary files by SQLITE_TMPDIR. Nothing was done",
                    file=str(file),
                    folder=str(room.folder),
                    **{"needed": size_in_words(room.needed), "free": size_in_words(room.there)},
                )
            )
    if not json:
        values = {"file": str(file), "size": size_in_words(space.size), "free": size_in_words(space.free)}
        say(sentence("{file}: {size}, of which {free} unused.", **values))
        takes = joined(
            ", ",
            (
                sentence("{size} in {folder}", size=size_in_words(room.needed), folder=str(room.folder))
                for room in rooms
            ),
        )
        say(sentence("It is being written anew, which takes up to {takes} for a while ...", takes=takes))
    compaction.rewrite(url)
    after = use_database(url, lambda db: db.read(compaction.space))
    assert after, "it is the same file"
    if json:
        answer(CompactAnswer(database="sqlite", file=str(file), before=space.size, after=after.size))
    else:
        values = {"file": str(file), "size": size_in_words(after.size)}
        say(sentence("{file}: {size}. From now on the service gives back what becomes unused.", **values))
    return 0
