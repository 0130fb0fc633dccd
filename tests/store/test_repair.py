"""Every instant of every table, where a clock that was ahead has written it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Table, insert, select

from monitor.config.options import Config
from monitor.jobs.repair import SLACK, repair
from monitor.model.mail import DeliveryStatus
from monitor.store.database import Connection, Database
from monitor.store.dialects import Hits, Instant, Names
from monitor.store.tables import metadata, outbox
from tests.make import NOW

DAY = timedelta(days=1)
# What these say is history: no work waits for it, and nothing is silent because of it.
HISTORY = {"archive.at", "entries.first_seen", "entries.published", "outbox.date", "outbox.sent_at"}
LONGEST = {
    "outbox.expires_at": Config().outbox.expire,
    "outbox.lease_until": Config().outbox.lease,
    "outbox.next_attempt_at": Config().outbox.uncertain_after,
}


def row(table: Table, moment: datetime, **differ: Any) -> dict[str, Any]:
    """Return a row whose every instant is `moment`."""
    return {column.name: _value(column, moment) for column in table.columns} | differ


def _value(column: "Column[Any]", moment: datetime) -> Any:
    match column.type:
        case Instant():
            return moment
        case Names() | Hits():
            return ()
        case Boolean():
            return False
        case LargeBinary():
            return b""
        case Float():
            return 1.0
        case Integer():
            return 1
    if column.name == "last_slot":
        return "at:2026-11-24T08:00"
    return "smtp" if column.name == "route" else "x"


def write_all(tx: Connection, moment: datetime) -> None:
    for table in metadata.sorted_tables:
        if table is outbox:
            for number, status in enumerate(DeliveryStatus, start=1):
                differ: dict[str, Any] = {"id": number, "message_id": status.value, "recipient": status.value}
                differ |= {} if status is DeliveryStatus.SENDING else {"lease_until": None}
                differ |= {} if status.value in ("waiting", "uncertain") else {"next_attempt_at": None}
                tx.execute(insert(table).values(row(table, moment, status=status.value, **differ)))
        else:
            tx.execute(insert(table).values(row(table, moment)))


def instants(tx: Connection) -> dict[str, set[datetime | None]]:
    """Return what each column of instants holds; of the outbox, in mails that are not sent."""
    unsent = outbox.c.status.in_(["waiting", "sending", "uncertain", "held"])
    return {
        f"{table.name}.{column.name}": set(
            tx.scalars(select(column).where(unsent) if table is outbox else select(column))
        )
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Instant)
    }


@pytest.mark.parametrize("ahead", [timedelta(hours=13), DAY, 30 * DAY])
async def test_no_instant_that_a_clock_ahead_has_written_is_believed(db: Database, ahead: timedelta) -> None:
    await db.write(write_all, NOW + ahead)
    assert await repair(Config(), db=db, now=NOW)
    for name, moments in (await db.read(instants)).items():
        if name in HISTORY:
            continue
        latest = max((moment for moment in moments if moment), default=NOW)
        assert latest <= NOW + LONGEST.get(name, timedelta(0)), name
    assert not await repair(Config(), db=db, now=NOW)


async def test_what_is_as_it_should_be_stays(db: Database) -> None:
    await db.write(write_all, NOW)
    before = await db.read(instants)
    assert not await repair(Config(), db=db, now=NOW)
    assert not await repair(Config(), db=db, now=NOW - SLACK)
    assert await db.read(instants) == before
