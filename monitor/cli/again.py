"""The command that sends a digest once more: digest --again."""

from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import times_of
from monitor.cli.options import subscriptions_named
from monitor.cli.terminal import answer, complain_each, say
from monitor.errors import DigestError
from monitor.jobs.again import NONE_YET, SentAgain, send_again
from monitor.loaded import load_complete
from monitor.queries.answers.work import SentAgainAnswer
from monitor.service.clock import clock
from monitor.service.runtime import digest_context
from monitor.store.database import Database
from monitor.store.place import is_there
from monitor.texts import listed, sentence


def digest_again(path: Path, slot: str, *, only: str | None, to: str | None, json: bool) -> int:
    """Queue the mails of a slot again; return 1 when somebody who got it gets none. Raises DigestError."""
    loaded = load_complete(path)
    among = subscriptions_named(loaded.config, only, path.name)

    async def queue(db: Database) -> SentAgain:
        return await send_again(
            slot,
            among,
            to=to,
            operators=loaded.config.operator.to,
            context=digest_context(loaded),
            db=db,
            now=await time_of(db),
        )

    if loaded.database_file and not is_there(loaded.database_file):
        raise DigestError(NONE_YET)
    times = times_of(loaded.config, clock())
    sent = use_database(loaded.store_url, queue, writable=True)
    if json:
        answer(SentAgainAnswer.of(sent))
    elif sent.mails:
        say(
            sentence(
                "The digest of {slot} ({subscription}) goes again to {to}. A running service sends it at once, else "
                '"monitor deliver".',
                subscription=sent.subscription,
                slot=times.slot(sent.subscription, sent.slot),
                to=listed(sent.to),
            )
        )
        times.say_zone()
    complain_each(sent.refused)
    return int(bool(sent.refused))
