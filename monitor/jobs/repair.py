"""Repair what a clock that was ahead has written: work put off too far is due, slots taken too early are given back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.options import Config
from monitor.feeds import pace
from monitor.mail import policy
from monitor.store import repair as statements
from monitor.store.database import Connection, Database

# Two processes may differ so much about the time; what is further ahead is not believed.
SLACK = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """How many feeds, mails, mail servers and subscriptions were waiting for an instant that was wrong."""

    feeds: int
    mails: int
    relays: int
    slots: int

    def __bool__(self) -> bool:
        return bool(self.feeds or self.mails or self.relays or self.slots)


async def repair_feeds(config: Config, *, db: Database, now: datetime) -> int:
    """Make the feeds due that only a clock ahead of `now` can have put off; return their count. Raises StoreError."""
    return await db.write(_repair_feeds, config, now)


async def repair(config: Config, *, db: Database, now: datetime) -> Repaired:
    """Repair all that only a clock ahead of `now` can have written, in one transaction. Raises StoreError."""
    return await db.write(_repair, config, now)


def _repair(tx: Connection, config: Config, now: datetime) -> Repaired:
    ahead, outbox = now + SLACK, config.outbox
    repaired = Repaired(
        feeds=_repair_feeds(tx, config, now),
        mails=statements.make_mails_due(tx, now, ahead, longest=policy.longest_wait(outbox.retry))
        + statements.pause_uncertain_mails(
            tx,
            now,
            ahead,
            pause=outbox.uncertain_after,
            longest=policy.longest_uncertain_pause(outbox.uncertain_after),
        )
        + statements.shorten_leases(tx, now, ahead, lease=outbox.lease),
        relays=statements.probe_relays(
            tx,
            now,
            ahead,
            longest=policy.longest_relay_pause(outbox.retry[0]),
            longest_after_login=policy.LOGIN_PAUSE,
        ),
        slots=len(statements.give_slots_back(tx, ahead)),
    )
    # Only now: what was done ahead is told by the instants that are put right here.
    statements.date_mails(tx, now, ahead, expire=outbox.expire)
    statements.forget_failures_ahead(tx, now, ahead)
    statements.set_digests_back(tx, now, ahead)
    statements.shorten_pauses(tx, now, ahead)
    statements.date_as_of_now(tx, now, ahead)
    return repaired


def _repair_feeds(tx: Connection, config: Config, now: datetime) -> int:
    ahead = now + SLACK
    count = statements.make_feeds_due(tx, now, ahead, longest=pace.longest_pause(config.feeds, config.fetch))
    statements.date_polls(tx, now, ahead)
    return count
