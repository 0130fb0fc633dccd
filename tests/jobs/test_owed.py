"""What a digest has no room for, and what a recipient did not get, stands in the next digest."""

import asyncio
from collections.abc import Mapping
from datetime import time
from email import message_from_bytes, policy

from sqlalchemy import select

from monitor.digests.due import slot_at_once
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew, SlotTaken
from monitor.jobs.draft import Draft, draft_digest
from monitor.model.digests import Digest
from monitor.model.mail import Mail, Rendered
from monitor.store import digests, entries, outbox, owed, recipients, subscriptions, tables
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk

ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
KEY = "AI 日报"  # of the subscription


def _ten_to_a_mail(digest: Digest) -> Rendered:
    titles = "\n".join(item.entry.title for item in digest.items)
    subject = f"{len(digest.items)} {digest.part}/{digest.parts} left {digest.left}"
    return Rendered(subject=subject, text=titles, html="x" * 9_000 * len(digest.items))


def _small_mails(desk: Desk, *to: str) -> None:
    desk.render = _ten_to_a_mail
    desk.subscription = make.subscription(to=to or (ANN,), every=None, at=(time(8),))


async def _arrives(desk: Desk, count: int, first: int = 0) -> list[str]:
    titles = [f"大模型{number:03}" for number in range(first, first + count)]
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()
    return titles


def _titles(mail: Mail) -> list[str]:
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",))
    assert body
    return str(body.get_content()).split()


def _by_recipient(outcome: ComposeOutcome) -> dict[str, list[list[str]]]:
    assert isinstance(outcome, Composed)
    mails: dict[str, list[list[str]]] = {}
    for mail in outcome.mails:
        mails.setdefault(mail.to, []).append(_titles(mail))
    return mails


async def _debts(desk: Desk) -> Mapping[str, Mapping[int, int]]:
    return await desk.db.read(owed.of, KEY)


async def _owe(desk: Desk, recipient: str, returns: Mapping[int, int]) -> None:
    await desk.db.write(owed.add, KEY, recipient, returns, desk.clock())


async def _seqs(desk: Desk) -> dict[str, int]:
    stored = await desk.db.read(entries.news, after=0, upto=10_000, limit=10_000)
    return {entry.title: seq for seq, entry in stored}


async def _rows(desk: Desk) -> list[tuple[int, int, dict[int, int]]]:
    """The rows of the table digests as (part, entries, returns by seq)."""

    def read(tx: Connection) -> list[tuple[int, int, dict[int, int]]]:
        rows = tx.execute(select(tables.digests).order_by(tables.digests.c.id)).all()
        return [(row.part, row.entries, digests.entries_of(tx, row.id)) for row in rows]

    return await desk.db.read(read)


# --- parts ------------------------------------------------------------------------------------


async def test_what_does_not_fit_one_mail_goes_in_parts_each_a_row_of_its_own(desk: Desk) -> None:
    _small_mails(desk, ANN, BOB)
    titles = await _arrives(desk, 25)
    outcome = await desk.compose(make.slot())
    assert isinstance(outcome, Composed)
    mails = _by_recipient(outcome)
    assert mails[ANN] == mails[BOB]
    assert sorted(title for part in mails[ANN] for title in part) == titles
    assert (outcome.entries, outcome.left, len(mails[ANN])) == (25, 0, 3)
    assert len({mail.message_id for mail in outcome.mails}) == 6
    rows = await _rows(desk)
    seqs = await _seqs(desk)
    assert [part for part, _, _ in rows] == [1, 2, 3]
    for (_, count, standing), part in zip(rows, mails[ANN], strict=True):
        assert standing == {seqs[title]: 0 for title in part}
        assert count == len(part)
    assert await _debts(desk) == {}


async def test_what_is_left_beyond_three_parts_comes_first_in_the_next_digest(desk: Desk) -> None:
    _small_mails(desk, ANN, BOB)
    titles = await _arrives(desk, 42)
    first = await desk.compose(make.slot())
    assert isinstance(first, Composed)
    brought = {title for part in _by_recipient(first)[ANN] for title in part}
    seqs = await _seqs(desk)
    left = {seqs[title]: 0 for title in set(titles) - brought}
    assert first.left == len(left) == 15
    assert await _debts(desk) == {ANN: left, BOB: left}
    assert "left 15" in _subjects(first)[-1], "the last part says so"
    desk.clock.forward(days=1)
    news = await _arrives(desk, 20, first=100)
    second = await desk.compose(make.slot("at:2026-11-25T08:00", desk.clock()))
    assert isinstance(second, Composed)
    standing = [title for part in _by_recipient(second)[ANN] for title in part]
    assert set(titles) - brought <= set(standing), "what was left is not left again"
    assert {title for part in _by_recipient(second)[ANN][:2] for title in part} >= set(titles) - brought
    assert second.left == 35 - len(standing)
    assert not set(standing) & brought
    desk.clock.forward(days=1)
    third = await desk.compose(make.slot("at:2026-11-26T08:00", desk.clock()))
    assert sorted(brought | set(standing) | {t for part in _by_recipient(third)[BOB] for t in part}) == [
        *titles,
        *news,
    ]
    assert await _debts(desk) == {}


def _subjects(outcome: Composed) -> list[str]:
    return [str(message_from_bytes(mail.raw, policy=policy.default)["Subject"]) for mail in outcome.mails]


async def test_what_a_rule_has_beyond_its_max_is_mailed_by_title_and_not_again(desk: Desk) -> None:
    desk.rules = (make.rule(max=2),)
    titles = await _arrives(desk, 5)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 5
    words = _titles(outcome.mails[0])
    assert [word for word in words if word.startswith("大模型0")] == titles
    assert "另有 3 条，只列标题" in " ".join(words)
    desk.clock.forward(days=1)
    assert isinstance(await desk.compose(), NothingNew)


async def test_a_mail_at_once_that_overflows_leaves_the_rest_to_the_next_digest(desk: Desk) -> None:
    _small_mails(desk)
    desk.rules = (make.rule(pace="at once"),)
    await _arrives(desk, 40)
    urgent = await desk.compose(slot_at_once(desk.clock()))
    assert isinstance(urgent, Composed)
    assert urgent.left == len((await _debts(desk))[ANN]) > 0
    desk.clock.forward(minutes=1)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), NothingNew), "debts are for the digest"
    digest = await desk.compose(make.slot())
    assert isinstance(digest, Composed)
    assert digest.entries == urgent.left


async def test_a_part_that_is_there_already_stops_the_whole_digest(desk: Desk) -> None:
    _small_mails(desk)
    await _arrives(desk, 15)
    # As after a hand in the database.
    assert await desk.db.write(digests.insert, KEY, make.slot(), desk.clock(), 1, "", part=2)
    assert isinstance(await desk.compose(make.slot()), SlotTaken)
    assert sum((await desk.db.read(outbox.counts)).values()) == 0


# --- debts ------------------------------------------------------------------------------------


async def _mailed(desk: Desk, *to: str) -> dict[str, int]:
    """Two entries were mailed to everybody, a day ago."""
    desk.subscription = make.subscription(to=to, every=None, at=(time(8),))
    await _arrives(desk, 2)
    assert isinstance(await desk.compose(make.slot()), Composed)
    desk.clock.forward(days=1)
    return await _seqs(desk)


NEXT = "at:2026-11-25T08:00"


async def test_what_is_owed_comes_back_to_him_who_is_owed_and_to_nobody_else(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN, f"Bob <{BOB}>", CARL)
    await _owe(desk, BOB, {seqs["大模型000"]: 1})
    outcome = await desk.compose(make.slot(NEXT, desk.clock()))
    assert isinstance(outcome, Composed), "a debt alone makes a digest due"
    assert [mail.to for mail in outcome.mails] == [BOB]
    text = " ".join(_titles(outcome.mails[0]))
    assert "大模型000" in text
    assert "大模型001" not in text
    assert "其中 1 条来自往期：当时放不下，或邮件没有送到。" in text
    assert await _debts(desk) == {}
    assert (await _rows(desk))[-1] == (1, 1, {seqs["大模型000"]: 1}), "it keeps how often it had come back"
    assert (await desk.db.read(subscriptions.state, KEY)).last_slot.key == "2026-11-25T08:00"  # type: ignore[union-attr]  # there is one


async def test_recipients_with_equal_debts_share_a_rendering_and_the_others_get_what_is_new(
    desk: Desk,
) -> None:
    seqs = await _mailed(desk, ANN, BOB, CARL)
    for recipient in (ANN, CARL):
        await _owe(desk, recipient, {seqs["大模型001"]: 0})
    rendered: list[Digest] = []
    good = desk.render

    def counting(digest: Digest) -> Rendered:
        rendered.append(digest)
        return good(digest)

    desk.render = counting
    await _arrives(desk, 1, first=7)
    outcome = await desk.compose(make.slot(NEXT, desk.clock()))
    assert isinstance(outcome, Composed)
    assert len(rendered) == 2
    shown = {
        mail.to: {word for word in _titles(mail) if word.startswith("大模型0")} for mail in outcome.mails
    }
    assert shown == {ANN: {"大模型001", "大模型007"}, BOB: {"大模型007"}, CARL: {"大模型001", "大模型007"}}
    assert [part for part, _, _ in (await _rows(desk))[1:]] == [1, 2]
    assert outcome.entries == 2


async def test_the_same_debt_with_another_count_of_returns_is_no_equal_debt(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN, BOB)
    await _owe(desk, ANN, {seqs["大模型001"]: 0})
    await _owe(desk, BOB, {seqs["大模型001"]: 1})
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), Composed)
    assert [returns for _, _, returns in (await _rows(desk))[1:]] == [
        {seqs["大模型001"]: 0},
        {seqs["大模型001"]: 1},
    ]


async def test_what_is_owed_was_promised_whatever_has_become_of_the_rules(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN)
    await _owe(desk, ANN, {seqs["大模型000"]: 0, seqs["大模型001"]: 0})
    desk.rules = (make.rule("序号", any=("模型001",)),)
    outcome = await desk.compose(make.slot(NEXT, desk.clock()))
    assert isinstance(outcome, Composed)
    sections = " ".join(_titles(outcome.mails[0]))
    under_rule, _, under_title = sections.partition("按以前的规则选中 · 1 条")
    assert "序号 · 1 条" in under_rule
    assert "大模型001" in under_rule
    assert "大模型000" in under_title
    assert "大模型001" not in under_title


async def test_what_is_owed_and_left_again_stays_owed_with_its_count(desk: Desk) -> None:
    _small_mails(desk)
    titles = await _arrives(desk, 20)
    assert isinstance(await desk.compose(make.slot()), Composed)
    seqs = await _seqs(desk)
    desk.clock.forward(days=1)
    await _arrives(desk, 20, first=50)
    everything = await _seqs(desk)
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), Composed)
    await _owe(desk, ANN, dict.fromkeys(everything.values(), 1))
    desk.clock.forward(days=1)
    outcome = await desk.compose(make.slot("at:2026-11-26T08:00", desk.clock()))
    assert isinstance(outcome, Composed)
    assert len(seqs) == len(titles)
    standing = {everything[title] for part in _by_recipient(outcome)[ANN] for title in part}
    assert await _debts(desk) == {ANN: dict.fromkeys(sorted(set(everything.values()) - standing), 1)}


async def test_of_very_many_debts_the_first_thousand_are_looked_at(desk: Desk) -> None:
    _small_mails(desk)
    await _arrives(desk, 1)
    assert isinstance(await desk.compose(make.slot()), Composed)
    (seq,) = (await _seqs(desk)).values()
    await _owe(desk, ANN, {seq: 0} | dict.fromkeys(range(10_000, 11_500), 0))
    desk.clock.forward(days=1)
    outcome = await desk.compose(make.slot(NEXT, desk.clock()))
    assert isinstance(outcome, Composed)
    assert _subjects(outcome) == ["1 1/1 left 501"]
    assert len((await _debts(desk))[ANN]) == 1500


async def test_debts_follow_an_address_that_is_spelt_another_way(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN, BOB)
    await _owe(desk, "Bob@example.org", {seqs["大模型000"]: 1})
    await _owe(desk, BOB, {seqs["大模型000"]: 1, seqs["大模型001"]: 0})
    outcome = await desk.compose(make.slot(NEXT, desk.clock()))
    assert isinstance(outcome, Composed)
    assert ([mail.to for mail in outcome.mails], outcome.entries) == ([BOB], 2)
    assert await _debts(desk) == {}


async def test_a_debt_for_an_entry_that_is_not_stored_brings_no_mail(desk: Desk) -> None:
    await _mailed(desk, ANN)
    await _owe(desk, ANN, {999: 0})
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), NothingNew)


async def test_a_debt_to_somebody_who_is_no_recipient_waits(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN)
    await _owe(desk, BOB, {seqs["大模型000"]: 0})
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), NothingNew)
    assert await _debts(desk) == {BOB: {seqs["大模型000"]: 0}}


async def test_to_who_has_left_the_debt_waits_and_what_is_new_is_added(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN, BOB)

    def leave(tx: Connection) -> None:
        recipients.sync(tx, KEY, [ANN, BOB], desk.clock())
        recipients.sync(tx, KEY, [ANN], desk.clock())

    await desk.db.write(leave)
    await _owe(desk, BOB, {seqs["大模型000"]: 1})
    # A service that has not seen the edit yet still names him.
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), NothingNew)
    await _arrives(desk, 1, first=7)
    desk.clock.forward(days=1)
    outcome = await desk.compose(make.slot("at:2026-11-26T08:00", desk.clock()))
    assert isinstance(outcome, Composed)
    seqs = await _seqs(desk)
    assert await _debts(desk) == {BOB: {seqs["大模型000"]: 1, seqs["大模型007"]: 0}}
    sent = await desk.db.read(outbox.listing, status=None, limit=1)
    assert [delivery.mail.to for delivery in sent] == [ANN]
    await desk.db.write(recipients.sync, KEY, [ANN, BOB], desk.clock())
    desk.clock.forward(days=1)
    back = await desk.compose(make.slot("at:2026-11-27T08:00", desk.clock()))
    assert isinstance(back, Composed)
    assert ([mail.to for mail in back.mails], back.entries) == ([BOB], 2)


async def test_a_debt_that_somebody_pays_meanwhile_is_not_paid_again(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN)
    await _owe(desk, ANN, {seqs["大模型000"]: 0})
    loop, good = asyncio.get_running_loop(), desk.render

    def overtaken(digest: Digest) -> Rendered:
        asyncio.run_coroutine_threadsafe(desk.db.write(owed.drop, KEY, ANN), loop).result()
        return good(digest)

    desk.render = overtaken
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), SlotTaken)
    assert len(await _rows(desk)) == 1
    assert isinstance(await desk.compose(make.slot(NEXT, desk.clock())), NothingNew)


async def test_a_draft_with_debts_changes_nothing(desk: Desk) -> None:
    seqs = await _mailed(desk, ANN)
    await _owe(desk, ANN, {seqs["大模型000"]: 0})
    draft = await draft_digest(
        desk.subscription,
        make.slot(NEXT, desk.clock()),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    assert [issue.mailboxes for issue in draft.issues] == [(ANN,)]
    assert await _debts(desk) == {ANN: {seqs["大模型000"]: 0}}
