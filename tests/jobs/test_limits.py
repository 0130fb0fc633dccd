"""How many mails a server is given, and what happens when it has had enough."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.errors import SendKind
from monitor.jobs.deliver import InHand, deliver, is_anything_due, recover, room_soon
from monitor.model.mail import DeliveryStatus, LimitReached, Limits, Route
from monitor.model.notices import NoticeKind
from monitor.store import digests, outbox, relays
from monitor.store.database import Connection, Database, open_database
from tests import make
from tests.jobs.desk import OUTBOX, Desk
from tests.jobs.test_outcomes import digest_mail, enqueue, rows, suspended, told

SENT, WAITING = DeliveryStatus.SENT, DeliveryStatus.WAITING
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SERVER = "smtp.example.org:465"


@pytest.fixture
async def other(db_url: str) -> AsyncIterator[Database]:
    """The database as another process has it open."""
    database = open_database(db_url)
    yield database
    await database.close()


async def queue(desk: Desk, count: int, *, first: int = 1) -> None:
    await enqueue(
        desk, *(digest_mail(number, f"r{number}@example.org") for number in range(first, first + count))
    )


async def deliver_all(desk: Desk) -> int:
    """Deliver what may go now; return how many mails that was."""
    before = len(desk.mailbox.mails)
    while await desk.deliver():
        pass
    return len(desk.mailbox.mails) - before


async def reached(desk: Desk) -> LimitReached | None:
    return await desk.db.read(outbox.limit_reached, SERVER, desk.limits, desk.clock())


async def anything_due(desk: Desk) -> bool:
    return await desk.db.read(is_anything_due, desk.transport, desk.clock())


# --- our own limits -----------------------------------------------------------------------------


async def test_no_more_mails_go_within_a_minute_than_may(desk: Desk) -> None:
    desk.limits = Limits(per_minute=3)
    await queue(desk, 7)
    assert await deliver_all(desk) == 3
    assert not await anything_due(desk), "nothing is begun at each tick"
    desk.clock.forward(seconds=59)
    assert await deliver_all(desk) == 0
    desk.clock.forward(seconds=1)
    assert await deliver_all(desk) == 3
    desk.clock.forward(minutes=1)
    assert await deliver_all(desk) == 1


async def test_a_day_is_any_24_hours(desk: Desk) -> None:
    desk.limits = Limits(per_day=2)
    await queue(desk, 1)
    await deliver_all(desk)
    desk.clock.forward(hours=20)
    await queue(desk, 3, first=2)
    assert await deliver_all(desk) == 1
    assert await reached(desk) == LimitReached(most=2, window=DAY, until=make.NOW + DAY)
    desk.clock.now = make.NOW + DAY
    assert await deliver_all(desk) == 1, "the place of the first one"
    assert await deliver_all(desk) == 0
    desk.clock.forward(hours=20)
    assert await deliver_all(desk) == 1


async def test_of_two_limits_the_one_that_lasts_longer_is_told(desk: Desk) -> None:
    desk.limits = Limits(per_minute=1, per_day=1)
    await queue(desk, 2)
    assert await reached(desk) is None
    await deliver_all(desk)
    assert await reached(desk) == LimitReached(most=1, window=DAY, until=make.NOW + DAY)


async def test_a_limit_is_no_failure(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)
    await queue(desk, 2)
    await deliver_all(desk)
    desk.clock.forward(hours=1)
    sent, waits = sorted(await rows(desk), key=lambda row: row.id)
    assert (sent.status, waits.status, waits.attempts, waits.last_reply) == (SENT, WAITING, 0, "")
    assert await told(desk) == []


async def test_a_mail_that_failed_counts_as_well(desk: Desk) -> None:
    desk.limits = Limits(per_minute=2)
    await queue(desk, 3)
    desk.mailbox.refuses(SendKind.LATER)
    assert await deliver_all(desk) == 1


async def test_mails_to_another_server_do_not_count(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)
    await queue(desk, 2)
    await deliver_all(desk)
    moved = replace(desk.transport, server="smtp.example.net:465")
    attempted = await deliver(
        transport=moved, db=desk.db, clock=desk.clock, options=OUTBOX, jitter=lambda: 0.5, in_hand=InHand()
    )
    assert attempted
    assert attempted.status is SENT


async def test_what_goes_into_a_maildir_has_no_limit(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)

    def store(tx: Connection) -> None:
        digest = digests.insert(tx, "AI 日报", make.slot(), desk.clock(), 1, "r1")
        assert digest
        for number in range(3):
            mail = make.mail(f"r{number}@example.org", number=number)
            expires_at = desk.clock() + DAY
            outbox.insert(tx, digest, mail, now=desk.clock(), expires_at=expires_at, route=Route.MAILDIR)

    await desk.db.write(store)
    assert await deliver_all(desk) == 3


async def test_what_a_clock_has_written_that_was_far_ahead_does_not_count(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)
    await queue(desk, 2)
    desk.clock.forward(days=400)
    assert await deliver_all(desk) == 1
    desk.clock.now = make.NOW
    assert await deliver_all(desk) == 1


async def test_two_processes_keep_the_limit_together(desk: Desk, other: Database) -> None:
    desk.limits = Limits(per_minute=5)
    await queue(desk, 12)
    await desk.deliver()  # a server is new to begin with, and gets one mail
    desks = [desk, replace(desk, db=other)]
    attempts = await asyncio.gather(*(desks[number % 2].deliver() for number in range(11)))
    assert sum(attempt is not None for attempt in attempts) == 4
    assert len(desk.mailbox.mails) == 5


async def test_the_mails_of_a_worker_that_died_count(desk: Desk) -> None:
    desk.limits = Limits(per_minute=1)
    await queue(desk, 2)
    routes = list(Route)
    assert await desk.db.write(
        outbox.claim,
        make.NOW,
        lease_until=make.NOW + timedelta(seconds=5),
        token="t",
        routes=routes,
        server=SERVER,
    )
    desk.clock.forward(seconds=10)
    await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())
    assert await deliver_all(desk) == 0
    desk.clock.forward(seconds=50)
    assert await deliver_all(desk) == 1


@pytest.mark.parametrize("urgent", ["notice", "at once"])
async def test_an_urgent_mail_goes_first_when_there_is_room(desk: Desk, urgent: str) -> None:
    desk.limits = Limits(per_minute=1)
    await queue(desk, 3)
    await deliver_all(desk)

    def store(tx: Connection) -> None:
        slot = make.slot("notice:1" if urgent == "notice" else "at once:1", desk.clock())
        digest = (
            digests.insert_notice(tx, slot, desk.clock())
            if urgent == "notice"
            else digests.insert(tx, "AI 日报", slot, desk.clock(), 1, "r1")
        )
        assert digest
        mail = make.mail("operator@example.org", number=99)
        outbox.insert(tx, digest, mail, now=desk.clock(), expires_at=desk.clock() + DAY, urgent=True)

    desk.clock.forward(seconds=1)
    await desk.db.write(store)
    recipients = []
    for _ in range(3):
        desk.clock.forward(minutes=1)
        await deliver_all(desk)
        recipients.append(desk.mailbox.mails[-1].to)
    assert recipients == ["operator@example.org", "r2@example.org", "r3@example.org"]


async def test_a_mail_that_has_waited_for_room_is_tried_however_old_it_is(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)
    await queue(desk, 4)
    for _ in range(4):
        assert await deliver_all(desk) == 1
        desk.clock.forward(hours=24)
    assert {row.status for row in await rows(desk)} == {SENT}, "the last one is three days old, after 48 h"


async def test_a_mail_that_waited_for_room_has_its_last_hour(desk: Desk) -> None:
    desk.limits = Limits(per_day=1)
    await queue(desk, 3)
    for _ in range(2):
        await deliver_all(desk)
        desk.clock.forward(hours=24)
    desk.limits = Limits()
    desk.clock.forward(hours=5)
    start = desk.clock()
    desk.mailbox.refuses(SendKind.LATER, times=99)
    while not (attempted := await desk.deliver()) or attempted.status is WAITING:
        desk.clock.forward(minutes=1)
    assert desk.clock() - start >= HOUR, "tried for an hour before it is given up"


async def test_a_round_waits_for_the_limit_of_a_minute_and_for_no_other(desk: Desk) -> None:
    async def soon() -> timedelta | None:
        at = await desk.db.read(room_soon, desk.transport, desk.clock())
        return None if at is None else at - desk.clock()

    desk.limits = Limits(per_minute=1)
    assert await soon() is None, "nothing waits"
    await queue(desk, 2)
    assert await soon() is None, "there is room"
    await deliver_all(desk)
    assert await soon() == MINUTE
    desk.limits = Limits(per_minute=1, per_day=1)
    assert await soon() is None
    desk.limits = Limits(per_minute=1)
    desk.clock.forward(minutes=1)
    desk.mailbox.refuses(SendKind.RELAY)
    await desk.deliver()
    assert await soon() is None, "the server takes no mail"


# --- the server's limits ------------------------------------------------------------------------


async def test_a_server_that_has_had_enough_for_a_day_is_left_alone_until_there_is_room(desk: Desk) -> None:
    await queue(desk, 4)
    await desk.deliver()
    desk.clock.forward(hours=6)
    desk.mailbox.refuses(SendKind.RELAY, window=DAY)
    attempted = await desk.deliver()
    assert attempted
    assert attempted.relay
    assert attempted.next_attempt_at == make.NOW + DAY, "when the first mail is a day old"
    while desk.clock() < make.NOW + DAY:
        assert await desk.deliver() is None
        desk.clock.forward(hours=1)
    assert await deliver_all(desk) == 3


async def test_a_limit_that_others_have_used_up_is_asked_about_once_an_hour_at_most(desk: Desk) -> None:
    await queue(desk, 2)
    await desk.deliver()
    desk.clock.forward(hours=23, minutes=50)
    desk.mailbox.refuses(SendKind.RELAY, window=DAY)
    attempted = await desk.deliver()
    assert attempted
    assert attempted.next_attempt_at == desk.clock() + HOUR


async def test_the_first_mail_that_is_refused_for_the_day_waits_for_a_day(desk: Desk) -> None:
    await queue(desk, 1)
    desk.mailbox.refuses(SendKind.RELAY, window=DAY)
    attempted = await desk.deliver()
    assert attempted
    assert attempted.next_attempt_at == desk.clock() + DAY


@pytest.mark.parametrize("window", [timedelta(minutes=15), HOUR])
async def test_a_shorter_limit_is_waited_for_as_long_as_it_lasts(desk: Desk, window: timedelta) -> None:
    await queue(desk, 2)
    await desk.deliver()
    desk.clock.forward(minutes=10)
    desk.mailbox.refuses(SendKind.RELAY, window=window)
    attempted = await desk.deliver()
    assert attempted
    assert attempted.next_attempt_at == desk.clock() + window


async def test_a_limit_of_the_server_fails_no_mail_and_suspends_nobody(desk: Desk) -> None:
    await queue(desk, 3)
    desk.mailbox.refuses(SendKind.RELAY, window=DAY, times=6)
    for _ in range(6):  # days: far beyond the age at which mails are given up
        await deliver_all(desk)
        desk.clock.forward(hours=24)
    assert {(row.status, row.attempts) for row in await rows(desk)} == {(WAITING, 0)}
    assert await suspended(desk) == []
    assert await told(desk) == [NoticeKind.MAIL_LIMIT]
    assert await deliver_all(desk) == 3
    assert await told(desk) == []


async def test_mails_under_way_when_the_limit_was_reached_say_nothing_new(desk: Desk) -> None:
    await queue(desk, 3)
    await desk.deliver()
    desk.mailbox.refuses(SendKind.RELAY, window=DAY, times=2)
    await asyncio.gather(desk.deliver(), desk.deliver())
    state = await desk.db.read(relays.state, SERVER)
    assert state
    assert (state.failures, state.next_probe_at) == (1, make.NOW + DAY)
