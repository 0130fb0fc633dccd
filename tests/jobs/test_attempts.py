"""Every attempt of a mail is kept with its reply, in the transactions that claim the mail and record its outcome."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from monitor.errors import SendCause, SendError, SendKind
from monitor.jobs.deliver import InHand, recover
from monitor.jobs.give_up import retry
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.model.mail import Attempt, AttemptOutcome, Mail, Route
from monitor.store import attempts, digests, outbox
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import OUTBOX, Desk
from tests.make import NOW

SERVER = "smtp.example.org:465"


async def _enqueue(desk: Desk, route: Route = Route.SMTP) -> int:
    def store(tx: Connection) -> int:
        digest = digests.insert(tx, "AI 日报", make.slot(), desk.clock(), 1, "r1")
        assert digest is not None
        expires_at = desk.clock() + timedelta(hours=48)
        return outbox.insert(tx, digest, make.mail(), now=desk.clock(), expires_at=expires_at, route=route)

    return await desk.db.write(store)


async def _attempts(desk: Desk, mail: int) -> list[Attempt]:
    return await desk.db.read(attempts.of, mail)


async def _outcomes(desk: Desk, mail: int) -> list[AttemptOutcome]:
    return [attempt.outcome for attempt in await _attempts(desk, mail)]


async def _recover(desk: Desk) -> None:
    await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())


async def test_a_mail_that_is_sent_has_one_attempt_with_the_reply(desk: Desk) -> None:
    number = await _enqueue(desk)
    await desk.deliver()
    assert await _attempts(desk, number) == [
        Attempt(
            number=1,
            begun_at=NOW,
            ended_at=NOW,
            server=SERVER,
            outcome=AttemptOutcome.SENT,
            code=250,
            reply="250 ok",
            stage="",
        )
    ]


async def test_a_maildir_has_no_server_and_no_code(desk: Desk) -> None:
    number = await _enqueue(desk, Route.MAILDIR)

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        return "written to 1.eml"

    desk.send = send
    await desk.deliver()
    (attempt,) = await _attempts(desk, number)
    assert (attempt.server, attempt.code, attempt.outcome) == ("", None, AttemptOutcome.SENT)


async def test_each_way_to_fail_is_an_outcome_of_its_own(desk: Desk) -> None:
    number = await _enqueue(desk)
    for kind, minutes in ((SendKind.LATER, 2), (SendKind.RELAY, 60), (SendKind.UNCERTAIN, 60)):
        desk.mailbox.refuses(kind, code=451 if kind is SendKind.LATER else None)
        await desk.deliver()
        desk.clock.forward(minutes=minutes)
    desk.mailbox.refuses(SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    await desk.deliver()
    kept = await _attempts(desk, number)
    assert [(attempt.number, attempt.outcome.value, attempt.code) for attempt in kept] == [
        (1, "later", 451),
        (2, "relay", None),
        (3, "uncertain", None),
        (4, "refused", 550),
    ]
    assert [attempt.begun_at - NOW for attempt in kept] == [
        timedelta(minutes=minutes) for minutes in (0, 2, 62, 122)
    ]


async def test_a_reply_is_kept_without_secrets_and_not_without_end(desk: Desk) -> None:
    number = await _enqueue(desk)

    async def send(_mail: Mail, _before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        what = "451 \x00 https://me:hunter2@smtp.example.org " + "长" * 5000
        raise SendError(what, SendKind.LATER, code=451, stage="rcpt")

    desk.send = send
    await desk.deliver()
    (attempt,) = await _attempts(desk, number)
    assert "hunter2" not in attempt.reply
    assert "\x00" not in attempt.reply
    assert len(attempt.reply) == 1000
    assert attempt.stage == "rcpt"


async def test_an_attempt_whose_worker_was_killed_is_under_way_and_then_interrupted(desk: Desk) -> None:
    number = await _enqueue(desk)

    async def send(_mail: Mail, _before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        raise MemoryError  # as good as kill -9: nothing is recorded

    desk.send = send
    with pytest.raises(MemoryError):
        await desk.deliver()
    assert await _outcomes(desk, number) == [AttemptOutcome.UNDER_WAY]
    assert (await _attempts(desk, number))[0].ended_at is None
    desk.clock.forward(minutes=1)
    await _recover(desk)
    assert await _outcomes(desk, number) == [AttemptOutcome.INTERRUPTED]
    desk.send = None
    await desk.deliver()
    assert await _outcomes(desk, number) == [AttemptOutcome.INTERRUPTED, AttemptOutcome.SENT]


@pytest.mark.parametrize("is_past_dot", [False, True])
async def test_an_attempt_that_the_service_broke_off_says_how_far_it_had_come(
    desk: Desk, is_past_dot: bool
) -> None:
    number = await _enqueue(desk)
    begun = asyncio.Event()

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        if is_past_dot:
            await before_dot()
        begun.set()
        await asyncio.Event().wait()
        return "250 ok"

    desk.send = send
    task = asyncio.create_task(desk.deliver())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (attempt,) = await _attempts(desk, number)
    assert attempt.outcome is AttemptOutcome.INTERRUPTED
    assert attempt.stage == ("dot" if is_past_dot else "")


async def test_a_late_worker_still_records_that_its_attempt_sent_the_mail(desk: Desk) -> None:
    number = await _enqueue(desk)

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        desk.clock.forward(minutes=5)
        await _recover(desk)
        (attempt,) = await _attempts(desk, number)
        assert (attempt.outcome, attempt.stage) == (AttemptOutcome.INTERRUPTED, "dot")
        return "250 late"

    desk.send = send
    await desk.deliver()
    assert await _outcomes(desk, number) == [AttemptOutcome.SENT]


async def test_of_very_many_attempts_the_first_three_and_the_last_twenty_are_kept(desk: Desk) -> None:
    def try_often(tx: Connection) -> Sequence[int]:
        return [attempts.begin(tx, 7, desk.clock(), server=SERVER) for _ in range(100)]

    await desk.db.write(attempts.begin, 8, desk.clock(), server=SERVER)
    assert await desk.db.write(try_often) == list(range(1, 101))
    numbers = [attempt.number for attempt in await _attempts(desk, 7)]
    assert numbers == [1, 2, 3, *range(81, 101)]
    assert len(await _attempts(desk, 8)) == 1, "another mail's"


async def test_attempts_go_with_their_mail(desk: Desk) -> None:
    number = await _enqueue(desk)
    await desk.deliver()
    desk.clock.forward(days=89)
    await desk.prune()
    assert len(await _attempts(desk, number)) == 1
    desk.clock.forward(days=2)
    await desk.prune()
    assert await _attempts(desk, number) == []


async def test_a_retry_by_hand_goes_on_counting(desk: Desk) -> None:
    number = await _enqueue(desk)
    desk.mailbox.refuses(SendKind.REFUSED, cause=SendCause.ADDRESS)
    await desk.deliver()
    assert await desk.db.write(retry, number, desk.clock(), desk.clock() + OUTBOX.expire)
    await desk.deliver()
    assert [attempt.number for attempt in await _attempts(desk, number)] == [1, 2]


async def test_a_mail_tried_by_a_clock_that_was_ahead_is_dated_as_of_now(desk: Desk) -> None:
    from monitor.config.options import Config
    from monitor.jobs.repair import repair

    desk.clock.forward(days=400)
    number = await _enqueue(desk)
    await desk.deliver()
    desk.clock.now = NOW
    await repair(Config(), db=desk.db, now=NOW)
    (attempt,) = await _attempts(desk, number)
    assert (attempt.begun_at, attempt.ended_at) == (NOW, NOW)
