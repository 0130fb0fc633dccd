"""Tell whether a service works on this machine, by the heartbeat that it writes into the database: for containers."""

import platform
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import times_in
from monitor.cli.terminal import answer, complain, say
from monitor.config.checked import store_url_of
from monitor.model.services import RunningService
from monitor.queries.answers.service import AliveAnswer
from monitor.store import services
from monitor.store.database import Database
from monitor.texts import sentence


def alive(path: Path, *, json: bool) -> int:
    """Say which service on this machine has beaten within a minute; return 1 when none has.

    A failing feed or mail server makes no difference, nor does an edit that is refused. Raises ConfigError when [store]
    cannot be read, and StoreError.
    """

    async def look(db: Database) -> list[RunningService]:
        return await db.read(services.beating, await time_of(db))

    beating = use_database(store_url_of(path), look)
    here = next((service for service in beating if service.host == platform.node()), None)
    if json:
        answer(
            AliveAnswer(
                alive=here is not None,
                pid=here.pid if here else None,
                since=here.started_at if here else None,
            )
        )
    elif here:
        times = times_in(path, here.beat_at)
        say(
            sentence(
                "The service runs: process {pid}, since {since}.",
                pid=here.pid,
                since=times.at(here.started_at),
            )
        )
        times.say_zone()
    else:
        complain(sentence("No service on this machine has worked on the database in the last minute."))
    return 0 if here else 1
