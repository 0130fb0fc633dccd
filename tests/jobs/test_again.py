"""A digest goes once more: which mails, to whom, and what that leaves in the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from monitor.config.options import Subscription
from monitor.errors import DigestError, SendCause, SendKind
from monitor.jobs.again import SentAgain, send_again
from monitor.jobs.choose import Decision, Wish, choose
from monitor.model.digests import Slot, SlotKind
from monitor.model.mail import Delivery, DeliveryStatus, Route
from monitor.model.recipients import ChangedBy
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import digests, outbox, owed, recipients, repair, subscriptions, suppressions
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk

OPERATORS = ("Op <op@example.org>",)
TWO = make.subscription(to=("reader@example.org", "Bo <bo@example.org>"))


async def mailed(desk: Desk, subscription: Subscription = TWO) -> str:
    """Poll, compose and deliver one digest; return the name of its slot."""
    desk.subscription = subscription
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    await desk.compose(make.slot())
    while await desk.deliver():
        pass
    desk.clock.forward(hours=1)
    return make.slot().name


async def again(
    desk: Desk, slot: str = "last", to: str | None = None, among: Sequence[Subscription] = ()
) -> SentAgain:
    return await send_again(
        slot,
        among or [desk.subscription],
        to=to,
        operators=OPERATORS,
        context=desk.context,
        db=desk.db,
        now=desk.clock(),
    )


async def mails(desk: Desk) -> list[Delivery]:
    """Every mail, the oldest first."""
    return (await desk.db.read(outbox.listing, status=None, limit=100))[::-1]


@pytest.mark.parametrize(
    "slot",
    [
        "last",
        "at:2026-11-24T08:00",
        "2026-11-24T08:00",
        "2026-11-24 08:00",
        "AI 日报 at:2026-11-24T08:00",
        "again:at:2026-11-24T08:00",
    ],
)
async def test_a_slot_goes_again_as_the_outbox_a_person_or_a_copy_names_it(desk: Desk, slot: str) -> None:
    await mailed(desk)
    sent = await again(desk, slot)
    assert sent.to == ("reader@example.org", "bo@example.org")
    assert sent.slot == "at:2026-11-24T08:00"
    assert sent.refused == ()
    first, second, *copies = await mails(desk)
    assert tuple(copy.id for copy in copies) == sent.mails
    for original, copy in zip((first, second), copies, strict=True):
        assert (copy.status, copy.slot) == (DeliveryStatus.WAITING, "again:at:2026-11-24T08:00")
        assert copy.mail.message_id != original.mail.message_id
        before, after = (message_from_bytes(each.mail.raw) for each in (original, copy))
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"Date", "Message-ID"}
        assert after["Message-ID"] == copy.mail.message_id
        assert before.as_bytes().partition(b"\n\n")[2] == after.as_bytes().partition(b"\n\n")[2]
    assert (await again(desk)).mails != sent.mails, "as often as it is wanted"


@pytest.mark.parametrize("slot", [SlotKind.NOW, SlotKind.EVERY])
async def test_a_slot_that_is_an_instant_goes_again_by_its_local_minute(desk: Desk, slot: SlotKind) -> None:
    desk.subscription = TWO
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    at = datetime(2026, 11, 24, 13, 54, 12, 188898, tzinfo=UTC)
    await desk.compose(Slot(kind=slot, key="2026-11-24T13:54:12.188898Z", at=at))
    while await desk.deliver():
        pass
    sent = await again(desk, "2026-11-24 21:54")
    assert sent.slot == f"{slot.value}:2026-11-24T13:54:12.188898Z"
    with pytest.raises(DigestError, match="The newest are: AI 日报 2026-11-24 21:54"):
        await again(desk, "2026-11-24 21:55")


async def test_a_copy_counts_as_nothing_that_was_mailed(desk: Desk) -> None:
    await mailed(desk)
    before = await desk.db.read(subscriptions.state, TWO.name)
    sent = await again(desk)
    copy = (await mails(desk))[-1]
    assert await desk.db.read(digests.entries_of, copy.digest_id) == {}
    assert await desk.db.read(subscriptions.state, TWO.name) == before
    assert await desk.db.read(digests.slots, TWO.name) == [sent.slot]
    desk.mailbox.refuses(SendKind.REFUSED, times=2, cause=SendCause.ADDRESS)
    while await desk.deliver():
        pass
    assert await desk.db.read(owed.of, TWO.name) == {}


async def test_a_copy_is_forgotten_with_its_mail(desk: Desk) -> None:
    await mailed(desk)
    await again(desk)
    while await desk.deliver():
        pass
    desk.clock.forward(days=91)
    assert await desk.db.write(outbox.prune, desk.clock()) == 4
    assert await desk.db.read(digests.slots, TWO.name) == ["at:2026-11-24T08:00"]
    with pytest.raises(DigestError, match="its mails were deleted after"):
        await again(desk)


async def test_one_recipient_or_an_operator_gets_a_copy_and_nobody_else(desk: Desk) -> None:
    await mailed(desk)
    assert (await again(desk, to="BO@example.org")).to == ("bo@example.org",)
    assert (await again(desk, to="op@example.org")).to == ("op@example.org",)
    copy = (await mails(desk))[-1]
    assert (copy.subscription_key, copy.mail.to) == ("", "op@example.org")
    assert message_from_bytes(copy.mail.raw)["To"] == "Op <op@example.org>"
    with pytest.raises(DigestError, match=r"stranger@example\.org may not get .*\(reader@.*, bo@.*\)"):
        await again(desk, to="stranger@example.org")
    with pytest.raises(DigestError, match="--to nobody: a mail address is expected"):
        await again(desk, to="nobody")
    assert len(await mails(desk)) == 4


async def test_every_part_of_a_digest_goes_again(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*(f"大模型第{n}条" + "，很长的一段标题" * 6 for n in range(230))))
    await desk.poll()
    await desk.compose()
    while await desk.deliver():
        pass
    sent = await again(desk)
    assert len(sent.mails) == len(await mails(desk)) / 2 == 3
    assert sent.to == ("reader@example.org",)


async def test_a_copy_goes_the_way_that_mails_go_now(desk: Desk) -> None:
    await mailed(desk)
    await again(desk)
    copy = (await mails(desk))[-1]
    assert copy.route is Route.SMTP
    assert copy.expires_at == desk.clock() + desk.context.expire


async def test_who_is_suppressed_or_has_left_gets_none_and_the_others_do(desk: Desk) -> None:
    await mailed(desk)

    def suppress(tx: Connection) -> None:
        recipients.sync(tx, TWO.name, ["reader@example.org", "bo@example.org"], desk.clock())
        suppressions.put(
            tx,
            Suppression(
                address="Bo@example.org", subscription=TWO.name, at=desk.clock(), by=SuppressedBy.OPERATOR
            ),
        )

    await desk.db.write(suppress)
    sent = await again(desk)
    assert sent.to == ("reader@example.org",)
    (reason,) = sent.refused
    assert "bo@example.org is suppressed" in reason
    with pytest.raises(DigestError, match=r"bo@example\.org is suppressed"):
        await again(desk, to="bo@example.org")

    await desk.db.write(lambda tx: recipients.sync(tx, TWO.name, ["reader@example.org"], desk.clock()))
    await desk.db.write(suppressions.lift, "bo@example.org")
    with pytest.raises(DigestError, match="does not receive AI 日报 any more"):
        await again(desk, to="bo@example.org")
    desk.subscription = make.subscription(to=("bo@example.org",))
    with pytest.raises(DigestError, match=r"reader@example\.org does not receive AI 日报 any more"):
        await again(desk, to="reader@example.org")


async def test_a_mail_that_was_not_sent_is_not_sent_again(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    await desk.compose()
    with pytest.raises(DigestError, match=r"mail 1 .* has not been sent \(waiting\): .*outbox --retry 1"):
        await again(desk, to="reader@example.org")
    assert (await again(desk, to="op@example.org")).mails == (2,)


async def test_a_slot_that_is_not_known_is_told_with_those_that_are(desk: Desk) -> None:
    with pytest.raises(DigestError, match="no digest has been composed yet"):
        await again(desk)
    await desk.register()
    with pytest.raises(DigestError, match="no digest has been composed yet"):
        await again(desk)
    await mailed(desk)
    with pytest.raises(DigestError, match="The newest are: AI 日报 2026-11-24 08:00"):
        await again(desk, "at:2026-11-23T08:00")


async def test_a_slot_of_several_subscriptions_has_to_be_told_apart(desk: Desk) -> None:
    other = make.subscription("周报")
    await mailed(desk, other)
    desk.clock.forward(hours=-1)
    desk.subscription = TWO
    await desk.register()
    await desk.db.write(digests.insert, TWO.name, make.slot(), desk.clock(), 1, "")
    with pytest.raises(DigestError, match=r"several digests: AI 日报 at:.*, 周报 at:.*--subscription"):
        await again(desk, among=[TWO, other])
    sent = await again(desk, "周报 at:2026-11-24T08:00", among=[TWO, other])
    assert sent.subscription == "周报"


async def test_a_clock_that_was_ahead_gives_no_copy_for_a_digest(desk: Desk) -> None:
    await mailed(desk)
    await again(desk)
    await desk.compose(make.slot("at:2026-11-30T08:00", at=make.NOW + timedelta(days=6)))
    await desk.db.write(repair.give_slots_back, desk.clock())
    state = await desk.db.read(subscriptions.state, TWO.name)
    assert state
    assert state.last_at == make.NOW, "the copy was made an hour later"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish.UNSUBSCRIBE, "reader@example.org has unsubscribed from AI 日报. Only if they ask for it"),
        (Wish.PAUSE, "reader@example.org has paused AI 日报"),
    ],
)
async def test_who_has_left_gets_no_digest_again(desk: Desk, wish: Wish, words: str) -> None:
    await mailed(desk)
    decision = Decision(wish=wish, days=7)
    await choose(
        "AI 日报", "reader@example.org", decision, by=ChangedBy.RECIPIENT, db=desk.db, now=desk.clock()
    )
    sent = await again(desk)
    assert sent.to == ("bo@example.org",)
    assert sent.refused[0].startswith(words)
    with pytest.raises(DigestError, match=words):
        await again(desk, to="reader@example.org")
