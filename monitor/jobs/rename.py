"""Let a subscription go on where an earlier one was, which had another name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import MonitorError, suggestion, with_advice
from monitor.store import entries, outbox, subscriptions
from monitor.store.database import Connection, Database
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """What the new name brings along."""

    news: int  # entries since the earlier of the two cursors, matching or not
    mails: int  # held until now


async def rename(old: str, new: str, *, in_file: Sequence[str], db: Database, now: datetime) -> Renamed:
    """Give the place and history of a subscription that is gone to one that is in config.toml.

    `in_file` are the names there, which are registered. Raises MonitorError when that cannot be, and StoreError.
    """
    if new not in in_file:
        what = sentence(
            'there is no subscription "{name}" in the file: give it the new name there first.', name=new
        )
        raise MonitorError(with_advice(what, suggestion(new, in_file)))
    if old in in_file:
        raise MonitorError(
            sentence(
                '"{name}" is in the file, too: only one that is gone can have become another one.', name=old
            )
        )
    return await db.write(_rename, old, new, now)


def _rename(tx: Connection, old: str, new: str, now: datetime) -> Renamed:
    earlier, state = subscriptions.state(tx, old), subscriptions.state(tx, new)
    assert state, "it is registered"
    if earlier is None:
        known = [each.name for each in subscriptions.states(tx) if each.name != new]
        what = sentence('the database knows no subscription "{name}".', name=old)
        raise MonitorError(with_advice(what, suggestion(old, known)))
    subscriptions.merge(tx, earlier.key, into=state.key)
    after = min(earlier.cursor, state.cursor)
    news = entries.count_news(tx, after, entries.newest_seq(tx))
    return Renamed(news=news, mails=outbox.release_wanted(tx, now))
