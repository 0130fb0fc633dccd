"""What becomes of a mail, its entries and its server after each kind of failure."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.digests.due import slot_now
from monitor.errors import SendCause, SendKind
from monitor.jobs.deliver import Attempted, InHand, Transport, deliver, is_anything_due, recover
from monitor.jobs.give_up import retry
from monitor.jobs.suppress import lift_after_edit
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.mail.message import MailingList, make_mail
from monitor.mail.replies import Step, refusal
from monitor.model.mail import Delivery, DeliveryStatus, Mail, Rendered, Route
from monitor.model.notices import NoticeKind
from monitor.store import digests, notices, outbox, owed, relays, suppressions
from monitor.store.database import Connection
from monitor.texts import in_language
from tests import make
from tests.jobs.desk import OUTBOX, Desk

WAITING, FAILED, EXPIRED = DeliveryStatus.WAITING, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED
HOUR = timedelta(hours=1)
SERVER = "smtp.example.org:465"
KEY = "AI 日报"


async def enqueue(desk: Desk, *mails: Mail, returns: int = 0, key: str = KEY) -> int:
    """Queue mails of one digest, in which the entries 7 and 8 stand; return the digest's number."""

    def store(tx: Connection) -> int:
        slot = slot_now(desk.clock())
        number = (
            digests.insert(tx, key, slot, desk.clock(), 1, "r1")
            if key
            else digests.insert_notice(tx, slot, slot.at)
        )
        assert number is not None
        digests.add_entries(tx, number, {7: returns, 8: 0} if key else {})
        for mail in mails or [make.mail(number=number, message_id=f"<{number}@example.org>")]:
            outbox.insert(tx, number, mail, now=desk.clock(), expires_at=desk.clock() + OUTBOX.expire)
        return number

    return await desk.db.write(store)


async def attempt(
    desk: Desk, kind: SendKind | None = None, **error: SendCause | int | bool | None
) -> Attempted:
    """Deliver one mail, which fails in this way, or arrives."""
    if kind:
        desk.mailbox.refuses(kind, **error)  # type: ignore[arg-type]  # each name has its type there
    attempted = await desk.deliver()
    assert attempted is not None
    return attempted


async def rows(desk: Desk) -> list[Delivery]:
    return await desk.db.read(outbox.listing, status=None, limit=1000)


async def debts(desk: Desk) -> dict[str, dict[int, int]]:
    return await desk.db.read(owed.of, KEY)


async def suspended(desk: Desk) -> list[str]:
    """Return who is left out of digests now."""
    return [suppression.address for suppression in await desk.db.read(suppressions.listing)]


async def told(desk: Desk) -> list[NoticeKind]:
    return [known.trouble.kind for known in await desk.db.read(notices.open_troubles)]


def digest_mail(number: int = 1, to: str = "reader@example.org") -> Mail:
    rendered = Rendered(subject="1", text="网", html="<p>网</p>")
    message_id = f"<{number}@example.org>"
    return make_mail(
        rendered,
        sender="digest@example.org",
        to=to,
        message_id=message_id,
        date=make.NOW,
        mailing_list=MailingList(key=KEY, name=KEY),
    )


# --- the server -------------------------------------------------------------------------------------


async def test_a_server_that_takes_no_mail_is_tried_with_one_mail_and_ever_longer_pauses(desk: Desk) -> None:
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(10)))
    desk.mailbox.refuses(SendKind.RELAY, times=100)
    tries, start = 0, desk.clock()
    while desk.clock() < start + 3 * HOUR:
        while attempted := await desk.deliver():
            tries += 1
            assert attempted.relay
            assert attempted.next_attempt_at
        desk.clock.forward(seconds=30)
    assert tries <= 20
    assert {(row.status, row.attempts) for row in await rows(desk)} == {(WAITING, 0)}, (
        "the mails are not to blame"
    )
    assert await told(desk) == [NoticeKind.RELAY_DOWN]
    desk.mailbox.takes_all()
    desk.clock.forward(minutes=15)
    while await desk.deliver():
        pass
    assert len(desk.mailbox.mails) == 10, "all go out as soon as one was taken"
    assert await told(desk) == []


async def test_mails_under_way_when_a_server_fails_count_as_one_failure(desk: Desk) -> None:
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(3)))
    await attempt(desk)
    all_sending = asyncio.Event()
    sending: list[Mail] = []

    async def fail_together(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        sending.append(mail)
        if len(sending) == 2:
            all_sending.set()
        await all_sending.wait()
        raise desk.mailbox.error(SendKind.RELAY)

    together = replace(desk, send=fail_together)
    await asyncio.gather(together.deliver(), together.deliver())
    state = await desk.db.read(relays.state, SERVER)
    assert state
    assert state.failures == 1


async def test_nothing_is_due_while_a_server_is_spared(desk: Desk) -> None:
    await enqueue(desk)
    await attempt(desk, SendKind.RELAY)
    transport = desk.transport
    assert not await desk.db.read(is_anything_due, transport, desk.clock())
    assert await desk.deliver() is None
    await desk.db.write(relays.probe_now, SERVER, desk.clock())
    assert await desk.db.read(is_anything_due, transport, desk.clock()), "by hand"
    await attempt(desk, SendKind.RELAY)
    other = replace(transport, settings="another password")
    assert await desk.db.read(is_anything_due, other, desk.clock()), "with other settings"
    elsewhere = replace(transport, server="other.example.org:465")
    assert await desk.db.read(is_anything_due, elsewhere, desk.clock()), "another server"


async def test_a_refused_login_is_tried_twice_and_then_twice_a_day(desk: Desk) -> None:
    await enqueue(desk)
    tries, start = 0, desk.clock()
    desk.mailbox.refuses(SendKind.RELAY, times=100, cause=SendCause.LOGIN)
    while desk.clock() < start + timedelta(days=1, hours=1):
        while await desk.deliver():
            tries += 1
        desk.clock.forward(minutes=1)
    assert tries == 4
    assert await told(desk) == [NoticeKind.LOGIN_REFUSED]


async def test_a_login_or_sender_that_is_refused_for_good_is_told_at_once(desk: Desk) -> None:
    await enqueue(desk)
    await attempt(desk, SendKind.RELAY, cause=SendCause.LOGIN, code=454)
    assert await told(desk) == [], "it may mend itself"
    desk.clock.forward(hours=1)
    await attempt(desk, SendKind.RELAY, cause=SendCause.LOGIN, code=535, lasting=True)
    assert await told(desk) == [NoticeKind.LOGIN_REFUSED]
    desk.clock.forward(hours=13)
    await attempt(desk)
    await enqueue(desk)
    await attempt(desk, SendKind.RELAY, cause=SendCause.SENDER, code=553, lasting=True)
    assert await told(desk) == [NoticeKind.SENDER_REFUSED]
    desk.clock.forward(hours=13)
    await attempt(desk)
    assert await desk.db.read(notices.open_troubles) == [], "it takes mail again"


async def test_a_reply_is_kept_in_words_that_can_be_told_in_another_language(desk: Desk) -> None:
    await enqueue(desk)
    error = refusal(SERVER, Step.AUTH, 535, "5.7.8 no")

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        raise error

    await replace(desk, send=send).deliver()
    (row,) = await rows(desk)
    assert row.last_reply == error.text
    assert in_language(row.last_reply, "zh-Hans").startswith(
        f"{SERVER} 拒绝了登录（535 5.7.8 no）：请检查 [smtp]"
    )
    (known,) = await desk.db.read(notices.open_troubles)
    assert known.trouble.details == f"{SERVER} refused the login (535 5.7.8 no)", "what to do says the rest"
    assert in_language(known.trouble.details, "zh-Hans") == f"{SERVER} 拒绝了登录（535 5.7.8 no）"


async def test_a_new_server_gets_one_mail_at_a_time_until_it_has_taken_one(desk: Desk) -> None:
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(3)))
    inner: list[Attempted | None] = []

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        inner.append(await desk.deliver())
        return await desk.mailbox.send(mail, before_dot)

    await replace(desk, send=send).deliver()
    assert inner == [None]
    await replace(desk, send=send).deliver()
    assert inner[1], "the server is known"


async def test_a_server_that_speaks_about_a_mail_takes_mails_again(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1), digest_mail(2, "b@example.org"))
    await attempt(desk, SendKind.RELAY)
    desk.clock.forward(minutes=2)
    await attempt(desk, SendKind.LATER, code=451)
    assert (await attempt(desk)).status is DeliveryStatus.SENT


async def test_a_mail_for_the_server_waits_while_there_is_none(desk: Desk) -> None:
    await enqueue(desk)
    nowhere = Transport(sends={Route.MAILDIR: desk.mailbox.send})
    delivered = await deliver(
        transport=nowhere, db=desk.db, clock=desk.clock, options=OUTBOX, jitter=lambda: 0, in_hand=InHand()
    )
    assert delivered is None
    assert (await attempt(desk)).status is DeliveryStatus.SENT


async def test_a_corrected_sender_reaches_the_mails_nobody_has_yet(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1), digest_mail(2, "b@example.org"))
    desk.mailbox.refuses(SendKind.UNCERTAIN)
    await desk.deliver()
    right = replace(desk.transport, sender="Right <right@example.net>")
    desk.clock.forward(minutes=20)
    for _ in range(2):
        await deliver(
            transport=right, db=desk.db, clock=desk.clock, options=OUTBOX, jitter=lambda: 0, in_hand=InHand()
        )
    first, other, again = desk.mailbox.mails
    assert again == first, "what the server may have goes again as it was"
    assert (other.sender, other.message_id) == ("right@example.net", "<2@example.org>")
    stored = {row.mail.to: row.mail for row in await rows(desk)}
    assert stored["b@example.org"] == other


# --- too old ----------------------------------------------------------------------------------------


async def test_a_mail_that_is_too_old_is_tried_for_an_hour_before_it_is_given_up(desk: Desk) -> None:
    await enqueue(desk)
    await attempt(desk, SendKind.LATER)
    desk.clock.forward(days=7)  # the machine slept
    start, attempts = desk.clock(), 0
    while (attempted := await attempt(desk, SendKind.LATER)).status is WAITING:
        attempts += 1
        assert attempted.next_attempt_at
        desk.clock.now = attempted.next_attempt_at
    assert attempted.status is EXPIRED
    assert attempts >= 4
    assert HOUR <= desk.clock() - start <= HOUR + timedelta(minutes=15)
    assert [(row.status, row.next_attempt_at) for row in await rows(desk)] == [(EXPIRED, None)]
    assert await debts(desk) == {"reader@example.org": {7: 1, 8: 1}}
    assert await told(desk) == [NoticeKind.MAIL_EXPIRED]


async def test_a_machine_that_sleeps_between_the_last_tries_does_not_give_up(desk: Desk) -> None:
    await enqueue(desk)
    desk.clock.forward(days=3)
    for _ in range(4):
        assert (await attempt(desk, SendKind.LATER)).status is WAITING
        desk.clock.forward(days=1)
    assert (await attempt(desk)).status is DeliveryStatus.SENT


async def test_every_mail_that_is_too_old_is_given_up_with_the_server(desk: Desk) -> None:
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(3)))
    desk.clock.forward(days=3)
    await enqueue(desk, digest_mail(99))
    given_up: list[Delivery] = []
    for _ in range(8):
        attempted = await attempt(desk, SendKind.RELAY)
        given_up += [mail.delivery for mail in attempted.given_up]
        assert attempted.next_attempt_at or attempted.status is EXPIRED
        state = await desk.db.read(relays.state, SERVER)
        assert state
        assert state.next_probe_at
        desk.clock.now = state.next_probe_at
    assert sorted(delivery.mail.to for delivery in given_up) == [
        f"r{number}@example.org" for number in range(3)
    ]
    assert (await debts(desk))["r0@example.org"] == {7: 0, 8: 0}, (
        "a return while the server is down is not counted"
    )
    assert {row.status for row in await rows(desk)} == {WAITING, EXPIRED}


# --- refused ----------------------------------------------------------------------------------------


async def test_what_an_address_refuses_is_owed_and_told(desk: Desk) -> None:
    await enqueue(desk)
    attempted = await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    assert attempted.status is FAILED
    assert [(mail.owed, mail.lost) for mail in attempted.given_up] == [(2, 0)]
    assert await debts(desk) == {"reader@example.org": {7: 1, 8: 1}}
    assert set(await told(desk)) == {NoticeKind.ADDRESS_REFUSED, NoticeKind.MAIL_GIVEN_UP}
    assert [row.cause for row in await rows(desk)] == [SendCause.ADDRESS]


async def test_what_is_sent_again_by_hand_is_no_longer_owed(desk: Desk) -> None:
    await enqueue(desk)
    await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    (row,) = await rows(desk)
    later = desk.clock() + HOUR
    assert NoticeKind.MAIL_GIVEN_UP in await told(desk)
    assert await desk.db.write(retry, row.id, desk.clock(), later)
    assert NoticeKind.MAIL_GIVEN_UP not in await told(desk)
    assert await debts(desk) == {}
    assert (await attempt(desk)).status is DeliveryStatus.SENT
    assert not await desk.db.write(retry, row.id, desk.clock(), later)


async def test_an_entry_comes_back_twice_and_no_more(desk: Desk) -> None:
    await enqueue(desk, returns=2)
    attempted = await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    assert [(mail.owed, mail.lost) for mail in attempted.given_up] == [(1, 1)]
    assert await debts(desk) == {"reader@example.org": {8: 1}}


async def test_an_address_refused_for_three_digests_is_not_mailed_any_more(desk: Desk) -> None:
    for number in range(3):
        await enqueue(desk, digest_mail(number))
        await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
        desk.clock.forward(days=1)
    assert await suspended(desk) == ["reader@example.org"]
    assert await debts(desk) == {}
    kinds = await told(desk)
    assert NoticeKind.ADDRESS_SUSPENDED in kinds
    assert NoticeKind.ADDRESS_REFUSED not in kinds
    assert await desk.db.write(lift_after_edit, "first", desk.clock()) == 0
    assert await desk.db.write(lift_after_edit, "second", desk.clock()) == 1
    assert await suspended(desk) == []


async def test_a_suspended_address_is_mailed_again_when_one_of_its_mails_is_sent_by_hand(desk: Desk) -> None:
    for number in range(3):
        await enqueue(desk, digest_mail(number))
        await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
        desk.clock.forward(days=1)
    newest = (await rows(desk))[0]
    assert await desk.db.write(retry, newest.id, desk.clock(), desk.clock() + HOUR)
    assert await suspended(desk) == []
    assert NoticeKind.ADDRESS_SUSPENDED not in await told(desk)


async def test_a_digest_that_arrives_begins_the_count_of_refusals_anew(desk: Desk) -> None:
    for number in range(5):
        await enqueue(desk, digest_mail(number))
        refused = SendKind.REFUSED if number != 2 else None
        await attempt(desk, refused, cause=SendCause.ADDRESS, code=550)
        desk.clock.forward(days=1)
    assert await suspended(desk) == []


async def test_what_is_refused_for_its_content_goes_out_once_more_as_text(desk: Desk) -> None:
    await enqueue(desk, digest_mail())
    attempted = await attempt(desk, SendKind.REFUSED, cause=SendCause.CONTENT, code=554)
    assert attempted.status is WAITING
    assert await told(desk) == [NoticeKind.MAIL_REFUSED]
    assert (await attempt(desk)).status is DeliveryStatus.SENT
    (mail,) = desk.mailbox.mails
    assert b"multipart" not in mail.raw
    assert mail.message_id != "<1@example.org>"


async def test_what_is_refused_as_text_too_does_not_come_back(desk: Desk) -> None:
    await enqueue(desk, digest_mail())
    await attempt(desk, SendKind.REFUSED, cause=SendCause.CONTENT, code=554)
    attempted = await attempt(desk, SendKind.REFUSED, cause=SendCause.CONTENT, code=554)
    assert attempted.status is FAILED
    assert [(mail.owed, mail.lost) for mail in attempted.given_up] == [(0, 2)]
    assert await debts(desk) == {}


async def test_a_mail_refused_with_its_layout_is_told_again_when_its_text_is_refused(desk: Desk) -> None:
    await enqueue(desk, digest_mail())
    contents = []
    for _ in range(2):
        await attempt(desk, SendKind.REFUSED, cause=SendCause.CONTENT, code=554)
        (known,) = await desk.db.read(notices.open_troubles)
        contents.append(known.trouble.content)
    assert contents[0] != contents[1]


async def test_a_notice_that_is_refused_makes_no_other_notice(desk: Desk) -> None:
    for kind, cause in ((SendKind.REFUSED, SendCause.ADDRESS), (SendKind.REFUSED, SendCause.CONTENT)):
        await enqueue(desk, digest_mail(1 if cause is SendCause.ADDRESS else 2), key="")
        await attempt(desk, kind, cause=cause, code=550)
        desk.clock.forward(hours=1)
    await attempt(desk, SendKind.REFUSED, cause=SendCause.CONTENT, code=550)
    assert await told(desk) == []


async def test_a_notice_whose_reply_is_lost_rests_without_a_word(desk: Desk) -> None:
    await enqueue(desk, key="")
    for _ in range(3):
        await attempt(desk, SendKind.UNCERTAIN)
        desk.clock.forward(hours=1)
    (row,) = await rows(desk)
    assert (row.status, row.next_attempt_at) == (DeliveryStatus.UNCERTAIN, None)
    assert await told(desk) == []


# --- uncertain --------------------------------------------------------------------------------------


async def test_a_server_that_loses_every_reply_gets_a_mail_three_times(desk: Desk) -> None:
    await enqueue(desk)
    for _ in range(3):
        await attempt(desk, SendKind.UNCERTAIN)
        desk.clock.forward(hours=1)
    desk.clock.forward(days=30)
    assert await desk.deliver() is None
    (row,) = await rows(desk)
    assert (row.status, row.next_attempt_at) == (DeliveryStatus.UNCERTAIN, None)
    assert await debts(desk) == {}, "it counts as mailed"
    assert await told(desk) == [NoticeKind.MAIL_UNCERTAIN]
    assert await desk.db.write(outbox.requeue, row.id, desk.clock(), desk.clock() + HOUR), "by hand"
    assert (await attempt(desk)).status is DeliveryStatus.SENT


async def test_an_uncertain_mail_that_is_too_old_rests(desk: Desk) -> None:
    await enqueue(desk)
    desk.clock.forward(days=3)
    assert (await attempt(desk, SendKind.UNCERTAIN)).next_attempt_at is None
    assert await told(desk) == [NoticeKind.MAIL_UNCERTAIN]


async def test_an_old_mail_whose_service_was_killed_after_the_dot_rests_and_is_told(desk: Desk) -> None:
    number = await enqueue(desk)
    desk.clock.forward(days=3)
    (row,) = await rows(desk)
    await desk.db.write(outbox.claim, desk.clock(), lease_until=desk.clock(), token="t")
    await desk.db.write(outbox.mark_dot, row.id, "t")
    desk.clock.forward(minutes=1)
    recovered = await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())
    assert recovered == [(row.id, DeliveryStatus.UNCERTAIN)]
    assert number
    assert await told(desk) == [NoticeKind.MAIL_UNCERTAIN]


@pytest.mark.parametrize("past_dot", [False, True])
async def test_a_mail_that_is_broken_off_says_how_far_it_came(desk: Desk, past_dot: bool) -> None:
    await enqueue(desk)
    in_hand, reached = InHand(), asyncio.Event()

    async def send(_mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        if past_dot:
            await before_dot()
        reached.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(
        deliver(
            transport=replace(desk, send=send).transport,
            db=desk.db,
            clock=desk.clock,
            options=OUTBOX,
            jitter=lambda: 0,
            in_hand=in_hand,
        )
    )
    await reached.wait()
    assert in_hand.tasks_past_dot() == ({task} if past_dot else set())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert in_hand.tasks == {}
    (row,) = await rows(desk)
    if past_dot:
        assert (row.status, row.interrupted, row.uncertain) == (DeliveryStatus.UNCERTAIN, 1, 0)
        assert row.next_attempt_at == desk.clock() + OUTBOX.uncertain_after
    else:
        assert (row.status, row.attempts, row.next_attempt_at) == (WAITING, 0, desk.clock())


async def test_a_worker_that_was_overtaken_changes_nothing(desk: Desk) -> None:
    kinds: Sequence[tuple[SendKind, SendCause | None]] = [
        (SendKind.LATER, None),
        (SendKind.RELAY, None),
        (SendKind.REFUSED, SendCause.ADDRESS),
        (SendKind.REFUSED, SendCause.CONTENT),
        (SendKind.UNCERTAIN, None),
    ]
    for number, (kind, cause) in enumerate(kinds):
        await enqueue(desk, digest_mail(number))

        async def send(_mail: Mail, _before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
            desk.clock.forward(minutes=10)
            await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())
            await desk.deliver()
            raise desk.mailbox.error(kind, cause=cause)  # noqa: B023 - called in this round of the loop

        outcome = await replace(desk, send=send).deliver()
        assert outcome
        assert outcome.reply == "another worker has taken this mail"
    assert {row.status for row in await rows(desk)} == {DeliveryStatus.SENT}
    assert await debts(desk) == {}
    assert await told(desk) == []
