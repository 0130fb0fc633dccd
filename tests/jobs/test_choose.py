"""What a recipient chose holds: for digests to come, for mails that wait, and for one that is on its way."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from monitor.config.options import Subscription
from monitor.errors import MonitorError, SendCause, SendKind
from monitor.jobs.choose import Chosen, Decision, Wish, choose, choose_by_token, new_key
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew
from monitor.jobs.deliver import InHand, recover
from monitor.jobs.draft import DigestContext
from monitor.jobs.give_up import retry
from monitor.mail import BeforeDot, BeforeRcpt, go_on, tokens
from monitor.model.mail import DeliveryStatus, Mail
from monitor.model.recipients import ChangedBy, Contact
from monitor.store import choices, digests, outbox, owed, subscriptions, tables
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import OUTBOX, Desk

ANN, BOB = "ann@example.org", "bob@example.org"
KEY = "AI 日报"
BY = ChangedBy.RECIPIENT


async def decide(desk: Desk, wish: Wish, address: str = ANN, **differ: object) -> Chosen:
    decision = Decision(wish=wish, **differ)  # type: ignore[arg-type]
    return await choose(KEY, address, decision, by=BY, db=desk.db, now=desk.clock())


async def arrive(desk: Desk, *titles: str) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


def to(*recipients: str) -> Subscription:
    return make.subscription(to=recipients)


def recipients_of(outcome: ComposeOutcome) -> list[str]:
    return [mail.to for mail in outcome.mails] if isinstance(outcome, Composed) else []


async def statuses(desk: Desk) -> dict[str, DeliveryStatus]:
    mails = await desk.db.read(outbox.listing, status=None, limit=10)
    return {mail.mail.to: mail.status for mail in mails}


def text_of(mail: Mail) -> str:
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",))
    assert body
    return str(body.get_content())


async def test_who_has_unsubscribed_gets_no_digest_and_is_owed_nothing(desk: Desk) -> None:
    desk.subscription = to(ANN, BOB)
    await arrive(desk, "大模型一")
    await decide(desk, Wish.UNSUBSCRIBE)
    assert recipients_of(await desk.compose()) == [BOB]
    assert await desk.db.read(owed.of, KEY) == {}


async def test_a_choice_holds_for_every_spelling_of_the_address(desk: Desk) -> None:
    desk.subscription = to("Ann <ANN@example.org>", BOB)
    await arrive(desk, "大模型一")
    await decide(desk, Wish.UNSUBSCRIBE)
    assert recipients_of(await desk.compose()) == [BOB]


async def test_the_longest_pause_holds_when_the_clock_is_set_back_a_little(desk: Desk) -> None:
    desk.subscription = to(ANN, BOB)
    await arrive(desk, "大模型一")
    await decide(desk, Wish.PAUSE, days=365)
    desk.clock.forward(seconds=-3600)
    assert recipients_of(await desk.compose()) == [BOB]


@pytest.mark.parametrize("wish", [Wish.UNSUBSCRIBE, Wish.PAUSE])
async def test_mails_that_wait_are_cancelled_with_the_choice(desk: Desk, wish: Wish) -> None:
    desk.subscription = to(ANN, BOB)
    await arrive(desk, "大模型一")
    await desk.compose()
    chosen = await decide(desk, wish, days=7)
    assert len(chosen.cancelled) == 1
    assert await statuses(desk) == {ANN: DeliveryStatus.CANCELLED, BOB: DeliveryStatus.WAITING}
    assert (await decide(desk, wish, days=7)).cancelled == ()  # asked twice


async def test_a_pause_ends_by_itself_and_what_was_missed_does_not_come_back(desk: Desk) -> None:
    desk.subscription = to(ANN, BOB)
    await decide(desk, Wish.PAUSE, days=7)
    await arrive(desk, "大模型一")
    assert recipients_of(await desk.compose()) == [BOB]
    desk.clock.forward(days=7)
    await arrive(desk, "大模型一", "大模型二")
    outcome = await desk.compose()
    assert recipients_of(outcome) == [ANN, BOB]
    assert isinstance(outcome, Composed)
    assert all("大模型一" not in text_of(mail) for mail in outcome.mails)


async def test_what_everybody_missed_does_not_come_back_either(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await decide(desk, Wish.PAUSE, days=7)
    await arrive(desk, "大模型一")
    assert isinstance(await desk.compose(), NothingNew)
    await decide(desk, Wish.RESUME)
    assert isinstance(await desk.compose(), NothingNew)
    desk.clock.forward(minutes=10)
    await arrive(desk, "大模型一", "大模型二")
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert "大模型一" not in text_of(outcome.mails[0])


async def test_who_is_back_gets_the_next_digest(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await decide(desk, Wish.UNSUBSCRIBE)
    await decide(desk, Wish.RESUBSCRIBE)
    await arrive(desk, "大模型一")
    assert recipients_of(await desk.compose()) == [ANN]


@pytest.mark.parametrize("days", [0, 366])
def test_a_pause_has_bounds(days: int) -> None:
    with pytest.raises(MonitorError, match="a pause is of 1 to 365 days"):
        Decision(wish=Wish.PAUSE, days=days)


async def test_rules_that_somebody_declined_stand_in_the_digests_of_the_others_alone(desk: Desk) -> None:
    desk.rules = (make.rule(any=("大模型",)), make.rule("芯片", any=("芯片",)))
    desk.subscription = to(ANN, BOB)
    await decide(desk, Wish.RULES, shown=("人工智能", "芯片"), wanted=("人工智能",))
    await arrive(desk, "大模型一", "芯片二")
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    texts = {mail.to: text_of(mail) for mail in outcome.mails}
    assert ("芯片二" in texts[ANN], "芯片二" in texts[BOB]) == (False, True)
    assert "大模型一" in texts[ANN]


async def test_nothing_but_declined_rules_is_no_mail(desk: Desk) -> None:
    desk.rules = (make.rule(any=("大模型",)), make.rule("芯片", any=("芯片",)))
    desk.subscription = to(ANN, BOB)
    await decide(desk, Wish.RULES, shown=("人工智能", "芯片"), wanted=("人工智能",))
    await arrive(desk, "芯片二")
    assert recipients_of(await desk.compose()) == [BOB]


async def test_a_rule_that_was_not_shown_stays_as_it_was_chosen(desk: Desk) -> None:
    await decide(desk, Wish.RULES, shown=("A", "B"), wanted=("A",))
    chosen = await decide(desk, Wish.RULES, shown=("A", "C"), wanted=("C",))
    assert chosen.choice.without == ("B", "A")
    with pytest.raises(MonitorError, match="keep at least one rule"):
        Decision(wish=Wish.RULES, shown=("A",), wanted=("B",))


async def test_a_debt_by_a_declined_rule_is_settled_with_the_next_mail(desk: Desk) -> None:
    desk.rules = (make.rule(any=("大模型",)), make.rule("芯片", any=("芯片",)))
    desk.subscription = to(ANN)
    await arrive(desk, "芯片二", "大模型零")
    await desk.compose()
    desk.mailbox.refuses(SendKind.REFUSED)
    await desk.deliver()
    assert len((await desk.db.read(owed.of, KEY))[ANN]) == 2
    await decide(desk, Wish.RULES, shown=("人工智能", "芯片"), wanted=("人工智能",))
    desk.clock.forward(minutes=10)
    await arrive(desk, "芯片二", "大模型零", "大模型一")
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert ("大模型零" in text_of(outcome.mails[0]), "芯片二" in text_of(outcome.mails[0])) == (True, False)
    assert await desk.db.read(owed.of, KEY) == {}


async def test_who_unsubscribes_between_mail_and_rcpt_is_never_named_to_the_server(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()
    named = []

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await decide(desk, Wish.UNSUBSCRIBE)
        await before_rcpt()
        named.append(mail.to)
        return "250 ok"

    outcome = await replace(desk, send=send).deliver()
    assert outcome
    assert (outcome.status, outcome.reply) == (DeliveryStatus.CANCELLED, "the recipient has unsubscribed")
    assert named == []
    assert await desk.deliver() is None


async def test_who_unsubscribes_before_the_dot_gets_no_mail(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()
    sent = []

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await before_rcpt()
        await decide(desk, Wish.UNSUBSCRIBE)
        await before_dot()
        sent.append(mail.to)
        return "250 ok"

    outcome = await replace(desk, send=send).deliver()
    assert outcome
    assert outcome.status is DeliveryStatus.CANCELLED
    assert sent == []


async def test_after_the_dot_the_mail_is_the_servers_and_no_try_follows(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        assert (await decide(desk, Wish.UNSUBSCRIBE)).cancelled == ()
        raise desk.mailbox.error(SendKind.LATER)

    outcome = await replace(desk, send=send).deliver()
    assert outcome
    assert outcome.status is DeliveryStatus.WAITING
    desk.clock.forward(hours=1)
    assert await desk.deliver() is None
    assert await statuses(desk) == {ANN: DeliveryStatus.CANCELLED}
    assert desk.mailbox.mails == []


async def test_what_is_refused_after_somebody_left_is_not_owed(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        await decide(desk, Wish.UNSUBSCRIBE)
        raise desk.mailbox.error(SendKind.REFUSED, cause=SendCause.ADDRESS)

    await replace(desk, send=send).deliver()
    assert await desk.db.read(owed.of, KEY) == {}
    assert not await desk.db.write(retry, 1, desk.clock(), desk.clock() + timedelta(days=1))


async def test_a_mail_that_was_queued_a_moment_after_is_cancelled_before_the_server_is_dialled(
    desk: Desk,
) -> None:
    desk.subscription = to(ANN)
    await decide(desk, Wish.UNSUBSCRIBE)

    def queue(tx: Connection) -> None:  # as a composer of another process does, whose transaction ends later
        number = digests.insert(tx, KEY, make.slot(), desk.clock(), 0, "f")
        assert number
        outbox.insert(
            tx, number, make.mail(to=ANN), now=desk.clock(), expires_at=desk.clock() + timedelta(days=1)
        )

    await desk.db.write(queue)
    assert await desk.deliver() is None
    assert await statuses(desk) == {ANN: DeliveryStatus.CANCELLED}


async def test_a_choice_goes_along_when_two_subscriptions_become_one(desk: Desk) -> None:
    def stored(tx: Connection) -> None:
        subscriptions.sync(tx, ["old", "new"], desk.clock())

    await desk.db.write(stored)
    made = (await desk.db.write(choices.ensure, "old", [ANN, BOB])) | {}
    await desk.db.write(choices.ensure, "new", [ANN])
    key = await desk.db.write(choices.signing_key, desk.clock())
    left = Decision(wish=Wish.UNSUBSCRIBE)
    await choose("old", ANN, left, by=BY, db=desk.db, now=desk.clock())
    await desk.db.write(subscriptions.merge, "old", "new")
    assert await desk.db.read(choices.declining, "new", [ANN, BOB], desk.clock()) == {ANN}
    for address in (ANN, BOB):  # links in old mails still work
        token = tokens.sign(made[address].number, "old", address, key)
        chosen = await choose_by_token(token, left, by=BY, db=desk.db, now=desk.clock())
        assert chosen
        assert (chosen.choice.subscription, chosen.choice.address) == ("new", address)


async def test_tokens_of_earlier_keys_stay_good(desk: Desk) -> None:
    made = await desk.db.write(choices.ensure, KEY, [ANN])
    first = await desk.db.write(choices.signing_key, desk.clock())
    assert await new_key(db=desk.db, now=desk.clock()) == 2
    second = await desk.db.write(choices.signing_key, desk.clock())
    assert (first.version, second.version, first.secret == second.secret) == (1, 2, False)
    for key in (first, second):
        token = tokens.sign(made[ANN].number, KEY, ANN, key)
        decision = Decision(wish=Wish.PAUSE, days=1)
        assert await choose_by_token(token, decision, by=BY, db=desk.db, now=desk.clock())


async def test_what_cannot_be_a_token_opens_nothing(desk: Desk) -> None:
    decision = Decision(wish=Wish.UNSUBSCRIBE)
    assert await choose_by_token("x", decision, by=BY, db=desk.db, now=desk.clock()) is None


async def test_a_mail_that_another_worker_has_taken_is_not_named_to_the_server(desk: Desk) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()
    named = []

    async def send(mail: Mail, _before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        later = desk.clock.forward(minutes=10)
        await recover(db=desk.db, now=later, options=OUTBOX, in_hand=InHand())
        await before_rcpt()
        named.append(mail.to)
        return "250 ok"

    outcome = await replace(desk, send=send).deliver()
    assert outcome
    assert outcome.reply == "another worker has taken this mail"
    assert named == []


@pytest.mark.parametrize("at", ["rcpt", "dot"])
async def test_a_choice_that_did_not_see_the_mail_stops_it_all_the_same(desk: Desk, at: str) -> None:
    desk.subscription = to(ANN)
    await arrive(desk, "大模型一")
    await desk.compose()
    sent = []

    def leave(
        tx: Connection,
    ) -> None:  # as on PostgreSQL, when the mail was committed after that looked for mails
        choice = choices.ensure(tx, KEY, [ANN])[ANN]
        choices.change(tx, choice.number, {"unsubscribed_at": desk.clock()}, desk.clock(), BY)

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        if at == "rcpt":
            await desk.db.write(leave)
        await before_rcpt()
        await desk.db.write(leave)
        await before_dot()
        sent.append(mail.to)
        return "250 ok"

    outcome = await replace(desk, send=send).deliver()
    assert outcome
    assert (outcome.status, outcome.reply) == (DeliveryStatus.CANCELLED, "the recipient has unsubscribed")
    assert sent == []
    assert await statuses(desk) == {ANN: DeliveryStatus.CANCELLED}


async def test_each_mail_has_its_own_link_and_the_rest_is_rendered_once(desk: Desk) -> None:
    renderings = []
    render = desk.render

    def counting(digest: object) -> object:
        renderings.append(digest)
        return render(digest)  # type: ignore[arg-type]

    contact = Contact(public_url="https://news.example.org", answers="help@example.org")

    class Public(Desk):
        @property
        def context(self) -> DigestContext:
            return replace(super().context, contact=contact)

    public = Public(db=desk.db, clock=desk.clock, subscription=to(ANN, BOB), render=counting)  # type: ignore[arg-type]
    await arrive(public, "大模型一")
    outcome = await public.compose()
    assert isinstance(outcome, Composed)
    assert len(renderings) == 1
    links: list[str] = []
    for mail in outcome.mails:
        head = mail.raw.partition(b"\r\n\r\n")[0].decode()
        (line,) = [line for line in head.split("\r\n") if line.startswith("List-Unsubscribe:")]
        link = line.removeprefix("List-Unsubscribe: <").removesuffix(">")
        assert link.startswith("https://news.example.org/u/")
        assert link in text_of(mail)
        assert "\ufdd0" not in text_of(mail)
        links.append(link)
    assert len(set(links)) == 2
    numbers = await desk.db.read(lambda tx: tx.scalars(select(tables.choices.c.number)).all())
    assert len(numbers) == 2


async def test_a_pause_by_a_clock_that_was_years_ahead_is_none(desk: Desk) -> None:
    desk.subscription = to(ANN)
    desk.clock.forward(days=800)
    await decide(desk, Wish.PAUSE, days=365)
    desk.clock.forward(days=-800)
    await arrive(desk, "大模型一")
    assert recipients_of(await desk.compose()) == [ANN]


async def test_a_number_that_a_restored_database_gives_to_somebody_else_opens_nothing(desk: Desk) -> None:
    made = await desk.db.write(choices.ensure, KEY, [ANN])
    key = await desk.db.write(choices.signing_key, desk.clock())
    token = tokens.sign(made[ANN].number, KEY, ANN, key)

    def give(tx: Connection) -> None:
        tx.execute(tables.choices.update().values(address=BOB))

    await desk.db.write(give)
    decision = Decision(wish=Wish.UNSUBSCRIBE)
    assert await choose_by_token(token, decision, by=BY, db=desk.db, now=desk.clock()) is None
