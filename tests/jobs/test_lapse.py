from datetime import timedelta

from monitor.jobs.compose import Composed
from monitor.jobs.lapse import Lapsed, lapse, put_off_lapse
from monitor.model.mail import DeliveryStatus
from monitor.store import outbox, owed, recipients, subscriptions, tables
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk

ANN, BOB = "ann@example.org", "bob@example.org"


async def leave(desk: Desk, *stay: str) -> None:
    """Let all recipients but these leave."""
    await desk.db.write(recipients.sync, desk.subscription.name, stay, desk.clock())


async def a_digest(desk: Desk) -> Composed:
    desk.subscription = make.subscription(to=(ANN, BOB))
    await desk.register()
    await leave(desk, ANN, BOB)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    return outcome


async def test_who_left_a_day_ago_gets_nothing_any_more(desk: Desk) -> None:
    await a_digest(desk)
    await leave(desk, BOB)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI新规"))
    await desk.poll()
    desk.clock.forward(seconds=1)
    await desk.compose()
    desk.clock.forward(hours=23)
    assert await lapse(db=desk.db, now=desk.clock()) is None
    desk.clock.forward(hours=1)
    lapsed = await lapse(db=desk.db, now=desk.clock())
    assert lapsed == Lapsed(subscriptions=0, recipients=1, mails=1, entries=1)
    assert await lapse(db=desk.db, now=desk.clock()) is None
    statuses = {
        delivery.mail.to: delivery.status
        for delivery in await desk.db.read(outbox.listing, status=DeliveryStatus.CANCELLED, limit=9)
    }
    assert statuses == {ANN: DeliveryStatus.CANCELLED}


async def test_a_time_asleep_is_not_counted(desk: Desk) -> None:
    """The file was torn on Friday evening, and the laptop shut over the weekend."""
    await a_digest(desk)

    def go(tx: Connection) -> None:
        subscriptions.mark_gone(tx, desk.subscription.name, desk.clock())
        recipients.leave_all(tx, desk.subscription.name, desk.clock())

    await desk.db.write(go)
    await put_off_lapse(timedelta(days=2), db=desk.db)
    desk.clock.forward(days=2, hours=23)
    assert await lapse(db=desk.db, now=desk.clock()) is None
    (registered,) = await desk.db.read(subscriptions.registered)
    assert registered.recipients == {ANN, BOB}, "who stayed with it to the end"
    desk.clock.forward(hours=1)
    assert await lapse(db=desk.db, now=desk.clock()) == Lapsed(
        subscriptions=1, recipients=2, mails=2, entries=0
    )


async def test_a_day_without_anybody_leaving_changes_nothing(desk: Desk) -> None:
    await a_digest(desk)
    desk.clock.forward(days=9)
    assert await lapse(db=desk.db, now=desk.clock()) is None


async def test_what_is_composed_meanwhile_is_owed_to_who_left_and_queued_for_who_stayed(desk: Desk) -> None:
    await a_digest(desk)
    await leave(desk, BOB)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI新规"))
    await desk.poll()
    desk.clock.forward(seconds=1)
    await desk.compose()
    listed = await desk.db.read(outbox.listing, status=None, limit=9)
    assert [delivery.mail.to for delivery in listed].count(ANN) == 1, "only what was queued before"
    ((recipient, debts),) = (await desk.db.read(owed.of, desk.subscription.name)).items()
    assert (recipient, list(debts.values())) == (ANN, [0])


async def test_the_address_of_who_has_lapsed_is_forgotten_with_his_last_mail(desk: Desk) -> None:
    def known(tx: Connection) -> list[str]:
        return [each.address for each in tx.execute(tables.recipients.select())]

    await a_digest(desk)
    await leave(desk, BOB)
    desk.clock.forward(days=1)
    await lapse(db=desk.db, now=desk.clock())
    await desk.prune()
    assert sorted(await desk.db.read(known)) == [ANN, BOB]
    desk.clock.forward(days=400)
    await desk.prune()
    assert await desk.db.read(known) == [BOB]


async def test_who_is_back_within_a_day_gets_what_the_others_got_meanwhile(desk: Desk) -> None:
    await a_digest(desk)
    await leave(desk, BOB)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI新规"))
    await desk.poll()
    desk.clock.forward(hours=1)
    await desk.compose()
    desk.clock.forward(hours=20)
    await lapse(db=desk.db, now=desk.clock())
    await leave(desk, ANN, BOB)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert [(mail.to, "AI新规" in outcome.subject) for mail in outcome.mails] == [(ANN, True)]
    assert await desk.db.read(owed.of, desk.subscription.name) == {}


async def test_while_all_have_left_what_is_composed_is_owed_to_all(desk: Desk) -> None:
    await a_digest(desk)
    await leave(desk, "cid@example.org")
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI新规"))
    await desk.poll()
    desk.clock.forward(hours=1)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.mails == ()
    assert sorted(await desk.db.read(owed.of, desk.subscription.name)) == [ANN, BOB]
