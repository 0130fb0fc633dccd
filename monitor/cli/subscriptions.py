"""The commands about subscriptions: `monitor subscriptions`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, path_of
from monitor.cli.usage import Commands

subscriptions = Commands(help="Let a subscription go on under another name.")


@subscriptions.command()
def rename(
    context: typer.Context,
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="The name it had: it is not in the file any more.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name it has in the file.")],
    config: ConfigFile = None,
) -> None:
    """Let a subscription go on where an earlier one was: from the earlier place, with the history of both."""
    sys.exit(_rename(path_of(context, config), old, new))


def _rename(path: Path, old: str, new: str) -> int:
    from monitor.cli.database import time_of, use_database
    from monitor.cli.terminal import complain_each, count, say
    from monitor.jobs.rename import Renamed, rename
    from monitor.loaded import load
    from monitor.service.register import register
    from monitor.store import subscriptions as store
    from monitor.store.database import Database
    from monitor.texts import sentence

    loaded = load(path)

    async def carry_on(db: Database) -> Renamed | None:
        now = await time_of(db)
        before = await db.read(store.state, old)
        complain_each(await db.write(register, loaded, now))
        after = await db.read(store.state, new)
        if before and after and before.key == after.key:
            return None  # it was plain without the command
        names = [subscription.name for subscription in loaded.config.subscriptions]
        return await rename(old, new, in_file=names, db=db, now=now)

    renamed = use_database(loaded.store_url, carry_on, writable=True)
    if renamed:
        values = {"new": new, "old": old, "entries": count(renamed.news, "entry"), "mails": renamed.mails}
        if renamed.mails:
            line = sentence(
                "{new} goes on where {old} was: {entries} since. Mails held that will go out: {mails}.",
                **values,
            )
        else:
            line = sentence("{new} goes on where {old} was: {entries} since.", **values)
        say(line)
    return 0
