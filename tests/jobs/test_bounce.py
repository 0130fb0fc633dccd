"""What a bounce leads to, on both databases."""

from datetime import timedelta

import pytest

from monitor.digests.due import slot_now
from monitor.errors import SendCause, SendError, SendKind
from monitor.jobs.bounce import Outcome, Taken, take_bounce
from monitor.jobs.deliver import InHand, recover
from monitor.jobs.give_up import retry
from monitor.jobs.suppress import lift, lift_after_edit, suppress
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.mail.bounces import read_bounce
from monitor.model.mail import DeliveryStatus, Mail
from monitor.model.notices import NoticeKind
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import attempts, digests, outbox, recipients, suppressions
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import OUTBOX, Desk
from tests.jobs.test_outcomes import KEY, attempt, debts, digest_mail, enqueue, rows, told
from tests.mail.bounce_mails import group, plain, report

ADDRESS = "reader@example.org"
REFUSED = group("5.2.1", "smtp; 550 5.2.1 disabled", final=f"rfc822; {ADDRESS}")
ABSENT = group(final=f"rfc822; {ADDRESS}")


def returned(number: int) -> str:
    return f"To: <{ADDRESS}>\nMessage-ID: <{number}@example.org>\n"


async def take(desk: Desk, number: int = 1, fields: str = REFUSED) -> Taken:
    """Take a bounce of a mail with this number in its Message-ID."""
    return await desk.db.write(
        take_bounce, read_bounce(report(fields, returned=returned(number))), desk.clock()
    )


async def send(desk: Desk, number: int = 1, **differ: str) -> None:
    """Send a digest that the server takes."""
    await enqueue(desk, digest_mail(number, **differ))
    assert (await attempt(desk)).status is DeliveryStatus.SENT
    desk.clock.forward(days=1)


async def listed(desk: Desk) -> list[Suppression]:
    return await desk.db.read(suppressions.listing)


async def suppress_by_hand(desk: Desk, address: str = ADDRESS, subscription: str = "") -> int:
    by_hand = Suppression(
        address=address, subscription=subscription, at=desk.clock(), by=SuppressedBy.OPERATOR
    )
    return await desk.db.write(suppress, by_hand, desk.clock())


async def test_an_address_that_does_not_exist_is_suppressed_at_once_and_told(desk: Desk) -> None:
    await send(desk)
    await enqueue(desk, digest_mail(2))
    taken = await take(desk, fields=ABSENT)
    assert taken.outcome is Outcome.SUPPRESSED
    (suppression,) = await listed(desk)
    assert (suppression.address, suppression.subscription, suppression.by) == (
        ADDRESS,
        "",
        SuppressedBy.BOUNCE,
    )
    assert suppression.reason.startswith("550 5.1.1")
    assert await told(desk) == [NoticeKind.ADDRESS_SUSPENDED]
    assert [row.status for row in await rows(desk)] == [DeliveryStatus.CANCELLED, DeliveryStatus.SENT]
    assert await desk.deliver() is None
    assert await desk.db.write(lift_after_edit, "another", desk.clock()) == 0, "no edit makes it exist"


async def test_three_digests_in_a_row_that_come_back_suppress_though_the_server_took_each(desk: Desk) -> None:
    counts = []
    for number in range(3):
        await send(desk, number)
        taken = await take(desk, number)
        counts.append((taken.outcome, taken.refusals))
    assert counts == [(Outcome.COUNTED, 1), (Outcome.COUNTED, 2), (Outcome.SUPPRESSED, 3)]
    (suppression,) = await listed(desk)
    assert (suppression.subscription, suppression.by) == (KEY, SuppressedBy.BOUNCE)
    assert await told(desk) == [NoticeKind.ADDRESS_SUSPENDED]


async def test_refusals_at_delivery_and_bounces_count_alike(desk: Desk) -> None:
    await refuse(desk, 1)
    await send(desk, 2)
    assert (await take(desk, 2)).refusals == 2
    await refuse(desk, 3)
    assert [each.by for each in await listed(desk)] == [SuppressedBy.SERVER]


async def refuse(desk: Desk, number: int) -> None:
    """Queue a digest that the server refuses for its address."""
    await enqueue(desk, digest_mail(number))
    await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    desk.clock.forward(days=1)


async def test_a_digest_that_arrived_breaks_a_row_of_both(desk: Desk) -> None:
    await refuse(desk, 1)
    await send(desk, 2)
    await take(desk, 2)
    await send(desk, 3)
    assert await told(desk) == [NoticeKind.MAIL_GIVEN_UP], "it takes digests again, as far as is known"
    await refuse(desk, 4)
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 1


async def test_the_parts_of_a_digest_that_are_refused_count_as_one(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    for number in (2, 3):
        await enqueue_part(desk, number)
    for _ in range(3):
        await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 1
    assert await listed(desk) == []


async def test_a_digest_of_parts_that_comes_back_each_time_is_not_taken(desk: Desk) -> None:
    for day in range(3):
        await enqueue(desk, digest_mail(10 * day))
        await enqueue_part(desk, 10 * day + 2)
        for _ in range(2):
            await attempt(desk)
        desk.clock.forward(days=1)
        for part in (0, 2):
            await take(desk, 10 * day + part)
    assert [each.by for each in await listed(desk)] == [SuppressedBy.BOUNCE]


async def test_a_digest_that_does_not_come_back_breaks_the_row(desk: Desk) -> None:
    for number in (1, 2, 3, 4):
        await send(desk, number)
        if number != 2:
            taken = await take(desk, number)
    # 1 came back, 2 did not; then 3 and 4 came back.
    assert (taken.outcome, taken.refusals) == (Outcome.COUNTED, 2)


async def test_bounces_that_come_late_count_as_well(desk: Desk) -> None:
    for number in (1, 2, 3):
        await send(desk, number)
    counts = [(await take(desk, number)).refusals for number in (1, 2, 3)]
    assert counts == [1, 2, 3]
    assert [each.by for each in await listed(desk)] == [SuppressedBy.BOUNCE]


async def test_a_bounce_that_is_read_twice_counts_once(desk: Desk) -> None:
    await send(desk)
    assert (await take(desk)).outcome is Outcome.COUNTED
    for _ in range(3):
        assert (await take(desk)).outcome is Outcome.BEFORE
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 1
    (row,) = await rows(desk)
    assert row.bounced_at == desk.clock()


async def test_the_parts_of_a_digest_that_come_back_count_as_one(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    await enqueue_part(desk, 2)
    for _ in range(2):
        await attempt(desk)
    assert (await take(desk, 1)).outcome is Outcome.COUNTED
    assert (await take(desk, 2)).outcome is Outcome.BEFORE
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 1


async def enqueue_part(desk: Desk, number: int) -> None:

    def store(tx: Connection) -> None:
        digest = digests.insert(tx, KEY, slot_now(desk.clock()), desk.clock(), 1, "r1", part=number)
        assert digest is not None
        expires_at = desk.clock() + OUTBOX.expire
        outbox.insert(tx, digest, digest_mail(number), now=desk.clock(), expires_at=expires_at)

    await desk.db.write(store)


@pytest.mark.parametrize(
    "fields",
    [
        group("4.4.1", "", final=f"rfc822; {ADDRESS}"),
        group(action="delayed", final=f"rfc822; {ADDRESS}"),
        group(action="delivered", final=f"rfc822; {ADDRESS}"),
        group("5.7.1", "smtp; 554 5.7.1 spam", final=f"rfc822; {ADDRESS}"),
        group("5.2.2", "", final=f"rfc822; {ADDRESS}"),
    ],
)
async def test_what_is_not_about_the_address_counts_nothing(desk: Desk, fields: str) -> None:
    await send(desk)
    assert (await take(desk, fields=fields)).outcome is Outcome.NOTHING
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 0
    assert await told(desk) == []
    assert (await take(desk)).outcome is Outcome.COUNTED, "it may become final later"


async def test_a_bounce_of_a_notice_counts_nothing(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1), key="")
    await attempt(desk)
    taken = await take(desk, fields=ABSENT)
    assert taken.outcome is Outcome.NOTHING
    assert await listed(desk) == []


@pytest.mark.parametrize(
    "raw",
    [
        report(ABSENT, returned=""),  # nothing returned
        report(ABSENT, returned=returned(7)),  # a Message-ID of nobody's
        report(group(final="rfc822; bo@example.org"), returned=returned(1)),  # sent to another recipient
        plain("bo@example.org\n550 5.1.1 user unknown", returned="Message-ID: <1@example.org>\n"),
    ],
)
async def test_a_forged_bounce_does_nothing(desk: Desk, raw: bytes) -> None:
    await send(desk)
    taken = await desk.db.write(take_bounce, read_bounce(raw), desk.clock())
    assert (taken.outcome, taken.delivery) == (Outcome.UNKNOWN, None)
    assert await listed(desk) == []
    assert await told(desk) == []


async def test_a_bounce_of_a_mail_that_no_server_took_is_not_believed(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    assert (await take(desk, fields=ABSENT)).outcome is Outcome.UNKNOWN


async def test_a_plain_text_by_a_mail_server_counts_as_a_report_does(desk: Desk) -> None:
    await send(desk)
    raw = plain(f"无法发送到 {ADDRESS}\n550 Mailbox not found", returned=returned(1))
    taken = await desk.db.write(take_bounce, read_bounce(raw), desk.clock())
    assert taken.outcome is Outcome.SUPPRESSED


async def test_an_uncertain_mail_that_comes_back_was_taken_and_does_not_go_again(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    await attempt(desk, SendKind.UNCERTAIN)
    assert (await take(desk)).outcome is Outcome.COUNTED
    (row,) = await rows(desk)
    assert (row.status, row.next_attempt_at) == (DeliveryStatus.SENT, None)


async def test_a_suppressed_address_is_said_to_be_known(desk: Desk) -> None:
    await send(desk)
    await suppress_by_hand(desk)
    assert (await take(desk, fields=ABSENT)).outcome is Outcome.BEFORE
    (suppression,) = await listed(desk)
    assert suppression.by is SuppressedBy.OPERATOR


async def test_an_address_that_does_not_exist_is_suppressed_for_all_where_it_was_for_one(desk: Desk) -> None:
    await send(desk)
    await suppress_by_hand(desk, subscription=desk.subscription.name)
    assert (await take(desk, fields=ABSENT)).outcome is Outcome.SUPPRESSED
    assert "" in {suppression.subscription for suppression in await listed(desk)}
    assert await desk.db.read(suppressions.barred, "another", [ADDRESS]) == {ADDRESS}


# --- what a suppression does ------------------------------------------------------------------------


async def test_nothing_is_composed_for_a_suppressed_address_in_any_spelling(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    await suppress_by_hand(desk, "Reader@EXAMPLE.org")
    await desk.compose()
    assert await rows(desk) == []
    lifted = await desk.db.write(lift, "READER@example.org", None, desk.clock())
    assert [each.address for each in lifted] == [ADDRESS]


async def test_what_is_queued_and_owed_is_dropped_at_once(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    await attempt(desk, SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    desk.clock.forward(days=1)
    await enqueue(desk, digest_mail(2, "Reader@example.org"), digest_mail(3, "bo@example.org"))
    assert await debts(desk) == {ADDRESS: {7: 1, 8: 1}}
    assert await suppress_by_hand(desk, subscription="another") == 0
    assert await suppress_by_hand(desk, subscription=KEY) == 1
    assert await debts(desk) == {}
    assert (await attempt(desk)).delivery.mail.to == "bo@example.org"
    assert await desk.deliver() is None


async def test_why_a_mail_to_a_suppressed_address_was_cancelled_is_said(desk: Desk) -> None:
    async def suppressed_meanwhile(
        _mail: Mail, _before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on
    ) -> str:
        assert await suppress_by_hand(desk) == 2
        await before_rcpt()
        raise AssertionError("the server is told")

    await enqueue(desk, digest_mail(1))
    desk.clock.forward(hours=1)
    await enqueue(desk, digest_mail(2))
    desk.send = suppressed_meanwhile
    attempted = await attempt(desk)
    assert (attempted.status, attempted.reply) == (DeliveryStatus.CANCELLED, "the recipient is suppressed")
    assert {row.last_reply for row in await rows(desk)} == {"the recipient is suppressed"}
    (tried,) = await desk.db.read(attempts.of, attempted.delivery.id)
    assert tried.reply == "the mail was cancelled meanwhile"


async def test_a_mail_past_its_dot_that_is_put_off_after_all_does_not_go_again(desk: Desk) -> None:

    async def put_off(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        assert await suppress_by_hand(desk) == 0
        raise SendError("451 later", SendKind.LATER, code=451)

    await enqueue(desk, digest_mail(1))
    desk.send = put_off
    await attempt(desk)
    assert [row.status for row in await rows(desk)] == [DeliveryStatus.WAITING]
    desk.clock.forward(hours=1)
    assert await desk.deliver() is None
    await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())
    assert [row.status for row in await rows(desk)] == [DeliveryStatus.CANCELLED]


async def test_a_mail_is_not_sent_again_by_hand_against_somebodys_decision(desk: Desk) -> None:
    await enqueue(desk, digest_mail(1))
    await suppress_by_hand(desk)
    (row,) = await rows(desk)
    until = desk.clock() + timedelta(hours=1)
    assert not await desk.db.write(retry, row.id, desk.clock(), until)
    assert await desk.db.read(outbox.is_suppressed, row.id)
    await desk.db.write(lift, ADDRESS, None, desk.clock())
    assert await desk.db.write(retry, row.id, desk.clock(), until)


async def test_who_is_mailed_again_begins_without_refusals(desk: Desk) -> None:
    await send(desk)
    await take(desk)
    await suppress_by_hand(desk)
    assert await told(desk) == [NoticeKind.ADDRESS_REFUSED]
    await desk.db.write(lift, ADDRESS, None, desk.clock())
    assert await desk.db.read(recipients.refusals, KEY, ADDRESS) == 0
    assert await told(desk) == []


async def test_who_returns_to_the_file_is_mailed_but_for_what_was_decided(desk: Desk) -> None:
    async def sync(*addresses: str) -> set[str]:
        await desk.db.write(recipients.sync, KEY, addresses, desk.clock())
        return await desk.db.read(recipients.present, KEY, addresses)

    by_server = Suppression(
        address=ADDRESS, subscription=KEY, at=desk.clock(), by=SuppressedBy.SERVER, content_hash="first"
    )
    assert await sync(ADDRESS, "bo@example.org") == {ADDRESS, "bo@example.org"}
    await desk.db.write(suppress, by_server, desk.clock())
    await suppress_by_hand(desk, "bo@example.org")
    await sync()
    assert await sync(ADDRESS, "bo@example.org") == {ADDRESS}
