import asyncio
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.config.options import OutboxOptions
from monitor.errors import DatabaseGoneError, SendKind
from monitor.jobs.deliver import InHand, deliver, recover
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.model.mail import Delivery, DeliveryStatus, Mail
from monitor.store import digests, outbox
from monitor.store.database import Connection, open_database
from tests import make
from tests.fakes import FakeClock
from tests.jobs.desk import OUTBOX, Desk


async def _enqueue(desk: Desk, *mails: Mail) -> None:
    slot = make.slot()

    def store(tx: Connection) -> None:
        number = digests.insert(tx, "AI 日报", slot, desk.clock(), 1, "r1")
        assert number is not None
        for mail in mails:
            outbox.insert(tx, number, mail, now=desk.clock(), expires_at=desk.clock() + timedelta(hours=48))

    await desk.db.write(store)


async def _rows(desk: Desk) -> list[Delivery]:
    return await desk.db.read(outbox.listing, status=None, limit=100)


async def test_a_waiting_mail_is_sent_as_it_was_stored(desk: Desk) -> None:
    mail = make.mail()
    await _enqueue(desk, mail)
    outcome = await desk.deliver()
    assert outcome is not None
    assert (outcome.status, outcome.reply) == (DeliveryStatus.SENT, "250 ok")
    assert desk.mailbox.mails == [mail]
    (row,) = await _rows(desk)
    assert (row.status, row.last_reply) == (DeliveryStatus.SENT, "250 ok")


async def test_with_nothing_due_nothing_is_done(desk: Desk) -> None:
    assert await desk.deliver() is None


async def test_a_mail_refused_for_now_is_tried_again_later(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    desk.mailbox.refuses(SendKind.LATER)
    outcome = await desk.deliver()
    assert outcome is not None
    assert outcome.status is DeliveryStatus.WAITING
    assert await desk.deliver() is None, "not before its time"
    desk.clock.forward(minutes=2)
    await desk.deliver()
    assert desk.mailbox.recipients == ["reader@example.org"]


async def test_the_waits_grow(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    desk.mailbox.refuses(SendKind.LATER, times=3)
    waits = []
    for _ in range(3):
        outcome = await desk.deliver()
        assert outcome is not None
        assert outcome.next_attempt_at is not None
        waits.append(outcome.next_attempt_at - desk.clock())
        desk.clock.now = outcome.next_attempt_at
    assert waits == sorted(waits)
    assert waits[2] > 2 * waits[0]


async def test_a_mail_refused_for_good_is_not_tried_again(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    desk.mailbox.refuses(SendKind.REFUSED)
    outcome = await desk.deliver()
    assert outcome is not None
    assert outcome.status is DeliveryStatus.FAILED
    desk.clock.forward(hours=47)
    assert await desk.deliver() is None


async def test_one_bad_address_delays_nobody(desk: Desk) -> None:
    await _enqueue(desk, *(make.mail(f"r{number}@example.org", number=number) for number in range(5)))
    desk.mailbox.refuses(SendKind.LATER)
    while await desk.deliver():
        pass
    assert len(desk.mailbox.mails) == 4


async def test_a_lost_reply_means_the_same_bytes_again_after_a_while(desk: Desk) -> None:
    mail = make.mail()
    await _enqueue(desk, mail)
    desk.mailbox.refuses(SendKind.UNCERTAIN, times=2)
    outcome = await desk.deliver()
    assert outcome is not None
    assert outcome.status is DeliveryStatus.UNCERTAIN
    assert outcome.next_attempt_at == desk.clock() + timedelta(minutes=15)
    desk.clock.forward(minutes=15)
    outcome = await desk.deliver()
    assert outcome is not None
    assert outcome.next_attempt_at == desk.clock() + timedelta(hours=1), (
        "a server that loses each reply gets fewer"
    )
    desk.clock.forward(hours=1)
    await desk.deliver()
    assert desk.mailbox.mails == [mail, mail, mail]
    assert [row.status for row in await _rows(desk)] == [DeliveryStatus.SENT]


async def test_a_failure_of_the_relay_is_reported_as_such(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    desk.mailbox.refuses(SendKind.RELAY)
    outcome = await desk.deliver()
    assert outcome is not None
    assert outcome.relay
    assert outcome.status is DeliveryStatus.WAITING


async def test_only_a_failure_of_the_relay_is_reported_as_one(desk: Desk) -> None:
    await _enqueue(desk, *(make.mail(f"r{number}@example.org", number=number) for number in range(2)))
    desk.mailbox.refuses(SendKind.LATER)
    refused, sent = await desk.deliver(), await desk.deliver()
    assert refused is not None
    assert sent is not None
    assert (refused.status, refused.relay) == (DeliveryStatus.WAITING, False)
    assert (sent.status, sent.relay, sent.next_attempt_at) == (DeliveryStatus.SENT, False, None)


async def test_a_worker_whose_mail_was_taken_stops_before_dot(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    sent: list[Mail] = []

    async def slow(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        later = desk.clock.forward(minutes=10)
        assert len(await recover(db=desk.db, now=later, options=OUTBOX, in_hand=InHand())) == 1
        assert await desk.deliver() is not None  # another worker sends it
        await before_dot()
        sent.append(mail)
        raise AssertionError("the server must not hear of it")

    outcome = await replace(desk, send=slow).deliver()
    assert outcome is not None
    assert outcome.reply == "another worker has taken this mail"
    assert (len(desk.mailbox.mails), sent) == (1, [])
    assert [row.status for row in await _rows(desk)] == [DeliveryStatus.SENT]


async def test_a_slow_server_keeps_its_mail(desk: Desk) -> None:
    await _enqueue(desk, make.mail())
    options, beaten = OutboxOptions(lease=timedelta(milliseconds=30)), asyncio.Event()
    is_slow = False

    def clock() -> datetime:
        if not is_slow:
            return desk.clock()
        beaten.set()  # from here on only the heart asks for the time, at each of its beats
        return desk.clock() + timedelta(seconds=1)

    async def slow(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        nonlocal is_slow
        await before_dot()
        is_slow = True
        for _ in range(2):  # the second comes when the first is written down
            await beaten.wait()
            beaten.clear()
        beyond_the_first_lease = desk.clock() + timedelta(milliseconds=500)
        assert await recover(db=desk.db, now=beyond_the_first_lease, options=OUTBOX, in_hand=InHand()) == []
        return "250 late"

    outcome = await deliver(
        transport=replace(desk, send=slow).transport,
        db=desk.db,
        clock=clock,
        options=options,
        jitter=lambda: 0,
        in_hand=InHand(),
    )
    assert outcome is not None
    assert outcome.status is DeliveryStatus.SENT
    assert [row.status for row in await _rows(desk)] == [DeliveryStatus.SENT]


async def test_what_was_sent_long_ago_is_forgotten(desk: Desk) -> None:
    await _enqueue(desk, make.mail(number=1), make.mail("b@example.org", number=2))
    await desk.deliver()
    desk.clock.forward(days=91)
    assert (await desk.prune()).mails == 1
    assert [row.status for row in await _rows(desk)] == [DeliveryStatus.WAITING], (
        "what waits is not forgotten"
    )


class LockedAfterSending:
    """A SQLite file that another program locks as soon as a mail is sent, until it has been asked `tries` times."""

    def __init__(self, folder: Path, tries: int) -> None:
        self.url = f"sqlite:///{folder / 'monitor.db'}"
        self._file, self._tries = folder / "monitor.db", tries
        self._lock: sqlite3.Connection | None = None

    async def send(self, _mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        self._lock = sqlite3.connect(self._file, isolation_level=None)
        self._lock.execute("BEGIN IMMEDIATE")
        return "250 ok"

    def clock(self) -> datetime:
        if self._lock is not None:
            self._tries -= 1
            if self._tries <= 0:
                self.unlock()
        return make.NOW

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()


async def test_that_a_mail_was_sent_is_written_down_when_the_database_answers_again(tmp_path: Path) -> None:
    locked = LockedAfterSending(tmp_path, tries=3)
    desk = Desk(db=open_database(f"{locked.url}?timeout=0.01"), clock=FakeClock())
    await _enqueue(desk, make.mail())
    await deliver(
        transport=replace(desk, send=locked.send).transport,
        db=desk.db,
        clock=locked.clock,
        options=OUTBOX,
        jitter=lambda: 0,
        in_hand=InHand(),
    )
    (row,) = await _rows(desk)
    assert row.status is DeliveryStatus.SENT
    await desk.db.close()


async def test_an_outcome_is_not_kept_for_a_database_that_is_gone(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/monitor.db")
    desk = Desk(db=db, clock=FakeClock())
    await _enqueue(desk, make.mail())

    async def send(_mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        (tmp_path / "monitor.db").unlink()
        return "250 ok"

    desk.send = send
    with pytest.raises(DatabaseGoneError):
        await asyncio.wait_for(desk.deliver(), 5)
    await db.close()
