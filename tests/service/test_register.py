"""What the database learns from config.toml: who went, who came, what is a new name, what becomes of mails."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.jobs.choose import Decision, Wish, choose
from monitor.jobs.rename import rename
from monitor.jobs.suppress import refuse_address
from monitor.loaded import LoadedConfig, load
from monitor.model.digests import Registered, SubscriptionState
from monitor.model.feeds import PollState, Rhythm
from monitor.model.mail import DeliveryStatus, RelayState, Route
from monitor.model.notices import NoticeKind, Trouble
from monitor.model.recipients import ChangedBy
from monitor.model.suppressions import SuppressedBy
from monitor.service.register import Wanted, compare, register, register_again
from monitor.store import (
    choices,
    digests,
    entries,
    feeds,
    notices,
    outbox,
    owed,
    recipients,
    relays,
    subscriptions,
    tables,
)
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW
from tests.site import CONFIG
from tests.store.mails import CANCELLED, HELD, UNCERTAIN, WAITING, claim, delivery, finish, mark_dot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN, BOB = "ann@example.org", "bob@example.org"


def subscription(name: str, *to: str, when: str = 'every = "1h"') -> str:
    addresses = ", ".join(f'"{address}"' for address in to or (ANN,))
    return f'[[subscriptions]]\nname = "{name}"\nto = [{addresses}]\n{when}\n'


class Desk:
    """A database and the folder of a config.toml."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def config(self, *subscriptions: str) -> LoadedConfig:
        text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url)
        path = self.folder / "config.toml"
        path.write_text(text.partition("[[subscriptions]]")[0] + "".join(subscriptions), "utf-8")
        return load(path)

    async def register(self, now: datetime, *subscriptions: str) -> str:
        """Register these subscriptions; return what it said."""
        return "\n".join(await self.db.write(register, self.config(*subscriptions), now))

    async def state(self, name: str) -> SubscriptionState | None:
        return await self.db.read(subscriptions.state, name)

    async def queue(
        self, name: str, *to: str, slot: str = "at:1", expires_at: datetime = NOW + DAY
    ) -> list[int]:
        """Queue a mail of a digest to each address."""

        def write(tx: Connection) -> list[int]:
            state = subscriptions.state(tx, name)
            assert state
            digest = digests.insert(tx, state.key, make.slot(name=slot), NOW, 1, "r1")
            assert digest is not None
            mails = [make.mail(address, message_id=f"<{name}-{slot}-{address}>") for address in to or (ANN,)]
            return [outbox.insert(tx, digest, mail, now=NOW, expires_at=expires_at) for mail in mails]

        return await self.db.write(write)

    async def statuses(self, numbers: Sequence[int]) -> list[DeliveryStatus]:
        return [(await delivery(self.db, number)).status for number in numbers]

    async def arrive(self, *numbers: int) -> None:
        await self.db.write(
            entries.insert_new, [(make.entry(number=number), True) for number in numbers], "r1"
        )


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    return Desk(db, tmp_path / "etc")


# --- who went, who came, what is a new name ----------------------------------------------------------

S = Registered(key="s", name="s", schedule="daily", recipients=frozenset({ANN}))
T = Registered(key="t", name="t", schedule="weekly", recipients=frozenset({BOB}))


def wanted(registered: Registered, **differ: object) -> Wanted:
    values = {"name": registered.name, "schedule": registered.schedule, "recipients": registered.recipients}
    return Wanted(**{**values, **differ})  # type: ignore[arg-type]  # each name has its type there


def test_one_that_went_and_one_that_came_alike_are_one_renamed() -> None:
    changes = compare([S, T], [wanted(T), wanted(S, name="daily")])
    assert changes.renamed == (S, "daily")
    assert (changes.gone, changes.new) == ((), ())
    in_capitals = wanted(S, name="daily", recipients=frozenset({"Ann@example.org"}))
    changes = compare([S, T], [wanted(T), in_capitals])
    assert changes.renamed == (S, "daily")
    assert changes.respelled["s"] == {ANN: "Ann@example.org"}


@pytest.mark.parametrize(
    "now",
    [
        [wanted(T), wanted(S, name="daily", recipients=frozenset({ANN, BOB}))],
        [wanted(T), wanted(S, name="daily", schedule="hourly")],
        [wanted(T), wanted(S, name="daily"), wanted(S, name="also daily")],
        [wanted(S, name="daily")],
    ],
    ids=["other recipients", "another schedule", "two came", "two went"],
)
def test_anything_else_is_one_gone_and_another_new(now: list[Wanted]) -> None:
    changes = compare([S, T], now)
    assert changes.renamed is None
    assert S in changes.gone
    assert "daily" in [new.name for new in changes.new]


def test_one_that_went_with_an_earlier_edit_was_not_renamed_in_this_one() -> None:
    changes = compare([replace(S, gone_at=NOW), T], [wanted(T), wanted(S, name="daily")])
    assert changes.renamed is None
    assert [new.name for new in changes.new] == ["daily"]


def test_a_name_that_lapsed_can_be_given_again() -> None:
    old = replace(T, gone_at=NOW, lapsed=True)
    assert compare([S, old], [wanted(S, name="t")]).renamed == (S, "t")
    assert compare([S, replace(old, lapsed=False)], [wanted(S, name="t")]).renamed is None, "t is back"


def test_recipients_who_left_are_told_from_those_in_other_capitals() -> None:
    changes = compare(
        [replace(S, recipients=frozenset({ANN, BOB}))], [wanted(S, recipients=frozenset({"Ann@example.org"}))]
    )
    assert changes.left == {"s": {BOB}}
    assert changes.respelled == {"s": {ANN: "Ann@example.org"}}


# --- mails to whom config.toml does not have any more ------------------------------------------------


async def test_mails_to_a_recipient_who_left_are_held_and_go_on_when_he_is_back(desk: Desk) -> None:
    assert await desk.register(NOW, subscription("s", ANN, BOB)) == ""
    ann, bob = await desk.queue("s", ANN, BOB)
    said = await desk.register(NOW + HOUR, subscription("s", BOB))
    assert said == (
        "s: 1 recipient has left: 1 mail held, and cancelled after a day. Who is back within a day misses nothing"
    )
    assert await desk.statuses([ann, bob]) == [HELD, WAITING]
    claimed = await claim(desk.db, NOW + HOUR)
    assert claimed
    assert claimed.id == bob
    assert await claim(desk.db, NOW + HOUR, token="t2") is None
    await desk.register(NOW + 3 * HOUR, subscription("s", ANN, BOB))
    row = await delivery(desk.db, ann)
    assert (row.status, row.expires_at) == (WAITING, NOW + DAY + 2 * HOUR), "held is not expired"
    assert await claim(desk.db, NOW + 3 * HOUR, token="t3")


async def test_what_was_uncertain_is_so_again_and_what_rests_is_left_alone(desk: Desk) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB))
    ann, bob = await desk.queue("s", ANN, BOB)
    for number in (ann, bob):
        await claim(desk.db)
        await mark_dot(desk.db, number)
        await finish(desk.db, number, UNCERTAIN, again=NOW + HOUR, uncertain=1)
    await desk.db.write(rest, bob)
    await desk.register(NOW, subscription("s", "cid@example.org"))
    assert await desk.statuses([ann, bob]) == [HELD, UNCERTAIN]
    await desk.register(NOW, subscription("s", ANN, BOB))
    assert await desk.statuses([ann, bob]) == [UNCERTAIN, UNCERTAIN]


def rest(tx: Connection, number: int) -> None:
    tx.execute(tables.outbox.update().where(tables.outbox.c.id == number).values(next_attempt_at=None))


async def test_a_mail_in_the_hands_of_a_worker_is_held_when_it_comes_back(desk: Desk) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB))
    (ann,) = await desk.queue("s", ANN)
    await claim(desk.db)
    await desk.register(NOW, subscription("s", BOB))
    await finish(desk.db, ann, WAITING, again=NOW)
    assert await claim(desk.db, NOW, token="t2") is None, "it is not claimed even before it is held"
    assert await desk.db.write(outbox.hold_unwanted, NOW) == {"s": 1}


async def test_after_a_day_the_held_mails_are_cancelled(desk: Desk) -> None:
    await desk.register(NOW, subscription("s"), subscription("t", BOB))
    numbers = await desk.queue("s")
    said = await desk.register(NOW, subscription("t", BOB))
    assert said.startswith("s is gone: 1 mail held, and cancelled after a day. Back within a day, it goes on")
    await desk.register(NOW + DAY - HOUR, subscription("t", BOB))
    assert await desk.statuses(numbers) == [HELD]
    await desk.register(NOW + DAY, subscription("t", BOB))
    assert await desk.statuses(numbers) == [CANCELLED]
    await desk.register(NOW + DAY, subscription("s"), subscription("t", BOB))
    assert await desk.statuses(numbers) == [CANCELLED]


async def test_a_held_mail_is_sent_by_hand_only_when_it_is_wanted_again(desk: Desk) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB))
    (ann,) = await desk.queue("s", ANN)
    await desk.register(NOW, subscription("s", BOB))
    assert not await desk.db.write(outbox.requeue, ann, NOW, NOW + DAY)
    assert await desk.db.read(outbox.is_unwanted, ann)
    assert await desk.db.write(outbox.cancel, ann)
    assert not await desk.db.write(outbox.cancel, ann), "it is cancelled already"
    await desk.register(NOW, subscription("s", ANN, BOB))
    assert await desk.statuses([ann]) == [CANCELLED]
    assert await desk.db.write(outbox.requeue, ann, NOW, NOW + DAY)
    assert await desk.statuses([ann]) == [WAITING]


async def test_mails_of_an_earlier_version_to_whom_the_file_does_not_have_are_held(desk: Desk) -> None:
    """Then recipients were not registered, and the domain stood as it was written."""
    await desk.db.write(subscriptions.sync, ["s", "old"], NOW)
    numbers = await desk.queue("s", ANN, "bob@Example.org", "not an address")
    numbers += await desk.queue("old", ANN)
    await desk.register(NOW, subscription("s", ANN, BOB))
    assert await desk.statuses(numbers) == [WAITING, WAITING, HELD, HELD]


async def test_an_address_in_other_capitals_is_the_same_mailbox(desk: Desk) -> None:
    await desk.register(NOW, subscription("s", ANN))
    numbers = await desk.queue("s", ANN)
    await desk.db.write(owed.add, "s", ANN, {7: 1}, NOW)
    assert await desk.register(NOW, subscription("s", "Ann@example.ORG")) == ""
    assert await desk.statuses(numbers) == [WAITING]
    assert await desk.db.read(owed.of, "s") == {"Ann@example.org": {7: 1}}
    await desk.register(NOW, subscription("s", BOB))
    assert await desk.statuses(numbers) == [HELD], "and with it both spellings leave"


# --- who comes back ----------------------------------------------------------------------------------


async def test_a_subscription_that_is_back_within_a_day_goes_on_where_it_was(desk: Desk) -> None:
    await desk.register(NOW, subscription("s"), subscription("t", BOB))
    before = await desk.state("s")
    await desk.register(NOW + HOUR, subscription("t", BOB))
    await desk.arrive(1, 2)
    said = await desk.register(NOW + DAY, subscription("s"), subscription("t", BOB))
    assert said == "s is back, and goes on where it was"
    assert await desk.state("s") == before


async def test_later_it_begins_anew(desk: Desk) -> None:
    await desk.register(NOW, subscription("s"), subscription("t", BOB))
    await desk.db.write(digests.add_backfill, "s", [1])
    await desk.register(NOW, subscription("t", BOB))
    await desk.arrive(1, 2)
    await desk.register(NOW + 2 * DAY, subscription("t", BOB))
    said = await desk.register(NOW + 20 * DAY, subscription("s"), subscription("t", BOB))
    assert said == "s is back after more than a day, and begins anew"
    state = await desk.state("s")
    assert state == SubscriptionState(
        key="s", name="s", created_at=NOW + 20 * DAY, cursor=await desk.db.read(entries.newest_seq)
    )
    assert await desk.db.read(digests.count_backfill) == 0


async def test_whom_nobody_missed_for_a_day_has_not_lapsed(desk: Desk) -> None:
    """A torn file, seen by one run of cron; the next is a week later, and the file is whole."""
    await desk.register(NOW, subscription("s"), subscription("t", BOB))
    numbers = await desk.queue("s", expires_at=NOW + HOUR)
    before = await desk.state("s")
    await desk.register(NOW, subscription("t", BOB))
    await desk.register(NOW + 7 * DAY, subscription("s"), subscription("t", BOB))
    assert await desk.state("s") == before
    assert await desk.statuses(numbers) == [WAITING]


async def test_what_is_owed_is_forgotten_with_who_has_lapsed(desk: Desk) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB))
    for recipient in (ANN, BOB):
        await desk.db.write(owed.add, "s", recipient, {1: 0}, NOW)
    await desk.register(NOW, subscription("s", BOB))
    assert await desk.db.read(recipients.left_lately, "s") == [ANN]
    await desk.register(NOW + DAY, subscription("s", BOB))
    assert await desk.db.read(owed.of, "s") == {BOB: {1: 0}}
    assert await desk.db.read(recipients.left_lately, "s") == []


async def test_a_file_that_only_a_command_saw_torn_leaves_no_trace(desk: Desk) -> None:
    """The service goes on with the whole file, and looks into the database from time to time."""
    whole = subscription("s"), subscription("t", BOB)
    await desk.register(NOW, *whole)
    numbers = await desk.queue("s")
    assert await desk.db.write(register_again, desk.config(*whole), NOW) == []
    await desk.register(NOW, subscription("t", BOB))
    assert await desk.statuses(numbers) == [HELD]
    said = await desk.db.write(register_again, desk.config(*whole), NOW + HOUR)
    assert said == ["s is back, and goes on where it was"]
    assert await desk.statuses(numbers) == [WAITING]


# --- a new name ---------------------------------------------------------------------------------------


async def test_a_renamed_subscription_keeps_what_waits_for_it_and_its_history(desk: Desk) -> None:
    await desk.register(NOW, subscription("s"), subscription("t", BOB))
    numbers = await desk.queue("s")
    await desk.db.write(digests.mark_mailed, "s", 1, [(1, "story")])
    await desk.arrive(1, 2)
    said = await desk.register(NOW + HOUR, subscription("daily"), subscription("t", BOB))
    assert said == "s is called daily now: its history and what waits for it go along"
    state = await desk.state("daily")
    assert state == SubscriptionState(key="s", name="daily", created_at=NOW, cursor=0)
    assert await desk.state("s") is None
    assert await desk.statuses(numbers) == [WAITING]
    assert (await delivery(desk.db, numbers[0])).subscription == "daily"
    said = await desk.register(NOW + HOUR, subscription("s"), subscription("t", BOB))
    assert said == "daily is called s now: its history and what waits for it go along"


async def test_a_name_of_long_ago_brings_its_history_and_not_its_place(desk: Desk) -> None:
    await desk.register(NOW, subscription("old"), subscription("t", BOB))
    await desk.db.write(digests.mark_mailed, "old", 1, [(1, "old story")])
    await desk.register(NOW, subscription("t", BOB))
    await desk.arrive(1, 2, 3)
    await desk.register(NOW + 2 * DAY, subscription("s"), subscription("t", BOB))
    await desk.arrive(4)
    await desk.register(NOW + 2 * DAY, subscription("old"), subscription("t", BOB))
    state = await desk.state("old")
    assert state
    assert (state.key, state.cursor) == ("s", 3)
    assert await desk.db.read(digests.mailed, "s", ["old story"]) == {"old story"}


@pytest.mark.parametrize(
    ("before", "now", "command"),
    [
        (["s"], [subscription("daily", BOB)], "monitor subscriptions rename s daily"),
        (["s"], [subscription("每日 AI", BOB)], "monitor subscriptions rename s '每日 AI'"),
        (["s", "u"], [subscription("daily", BOB)], "monitor subscriptions rename OLD daily"),
        (["s"], [subscription("a"), subscription("b", BOB)], "monitor subscriptions rename s b"),
    ],
)
async def test_when_it_may_be_a_new_name_it_is_said_how_to_carry_on(
    desk: Desk, before: list[str], now: list[str], command: str
) -> None:
    await desk.register(NOW, *map(subscription, before))
    assert command in await desk.register(NOW, *now)


@pytest.mark.parametrize("is_later", [False, True])
async def test_who_left_one_that_went_has_left_the_one_that_came(desk: Desk, is_later: bool) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB), subscription("t", BOB))
    leave = Decision(wish=Wish.UNSUBSCRIBE)
    await choose("s", ANN, leave, by=ChangedBy.RECIPIENT, db=desk.db, now=NOW)
    if is_later:
        await desk.register(NOW + HOUR, subscription("t", BOB))
    # Another name, and another time: nobody can tell whether it is the same.
    other = subscription("daily", "Ann <ANN@example.org>", BOB, when='every = "2h"')
    said = await desk.register(NOW + 2 * HOUR, other, subscription("t", BOB))
    assert "daily: 1 recipient had left or paused s, and gets nothing of it" in said
    declining = await desk.db.read(choices.declining, "daily", [ANN, BOB], NOW + 2 * HOUR)
    assert declining == {ANN}
    choice = await desk.db.read(choices.of, "daily", ANN)
    assert choice
    assert (choice.unsubscribed_at, choice.changed_by) == (NOW, ChangedBy.RECIPIENT)
    said = await desk.register(NOW + 3 * HOUR, other, subscription("t", BOB))
    assert "had left" not in said
    await desk.register(NOW + 4 * HOUR, other, subscription("t", BOB, ANN), subscription("u", ANN))
    assert await desk.db.read(choices.declining, "t", [ANN], NOW + 4 * HOUR) == set()


async def test_a_new_subscription_where_none_went_is_nothing_to_tell(desk: Desk) -> None:
    await desk.register(NOW, subscription("s"))
    assert await desk.register(NOW, subscription("s"), subscription("new")) == ""
    assert await desk.register(NOW, subscription("s"), subscription("new")) == ""


async def test_what_a_server_or_an_address_refused_is_over_when_they_are_in_the_file_no_more(
    desk: Desk,
) -> None:
    await desk.register(NOW, subscription("s", ANN, BOB))
    (number, other) = await desk.queue("s", ANN, BOB)

    def refuse(tx: Connection) -> None:
        for each in (number, other):
            delivery = outbox.by_number(tx, each)
            refuse_address(tx, delivery, "550 no such user", NOW, by=SuppressedBy.SERVER)
        for server in ("127.0.0.1:25", "old.example.org:25"):
            trouble = Trouble(kind=NoticeKind.RELAY_DOWN, subject=server, since=NOW)
            notices.report(tx, trouble, NOW)

    async def subjects() -> list[str]:
        return [known.trouble.subject for known in await desk.db.read(notices.open_troubles)]

    await desk.db.write(refuse)
    assert len(await subjects()) == 4
    await desk.register(NOW, subscription("s", ANN, BOB))
    assert await subjects() == [f"s: {ANN}", f"s: {BOB}", "127.0.0.1:25"]
    await desk.register(NOW, subscription("s", ANN))
    assert await subjects() == [f"s: {ANN}", "127.0.0.1:25"]


async def _edited(desk: Desk, now: datetime, *edits: tuple[str, str]) -> list[PollState]:
    """Register the configuration with these edits; return the states of its feeds."""
    loaded = desk.config(subscription("AI 日报"))
    text = loaded.text
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    loaded.path.write_text(text, "utf-8")
    await desk.db.write(register, load(loaded.path), now)
    return await desk.db.read(feeds.states)


async def test_a_failing_feed_is_due_after_an_edit_that_concerns_it(desk: Desk) -> None:
    (state,) = await _edited(desk, NOW)
    failing = replace(state, failures=5, next_poll_at=NOW + DAY)
    for edit in (
        ("allow_private", "# allow_private"),
        ("[outbox]", 'proxy = "http://127.0.0.1:8118"\n[outbox]'),
        ('every = "1s"', 'every = "1s"\nproxy = "http://127.0.0.1:8118"'),
    ):
        await desk.db.write(feeds.save, failing)
        assert (await _edited(desk, NOW + HOUR, edit))[0].next_poll_at == NOW + HOUR
        await _edited(desk, NOW)
    await desk.db.write(feeds.save, failing)
    (after,) = await _edited(desk, NOW + HOUR, ('"AI"', '"AI", "芯片"'), ('retry = ["1s"]', 'retry = ["2s"]'))
    assert after == failing, "another edit does not concern it"


async def test_another_interval_moves_the_next_visit(desk: Desk) -> None:
    (state,) = await _edited(desk, NOW, ('every = "1s"', 'every = "12h"'))
    await desk.db.write(feeds.save, replace(state, visited=NOW, next_poll_at=NOW + 12 * HOUR))
    assert (await _edited(desk, NOW + HOUR, ('every = "1s"', 'every = "2h"')))[
        0
    ].next_poll_at == NOW + 2 * HOUR


async def test_other_times_of_digests_move_the_next_visit_of_a_feed_that_goes_by_them(desk: Desk) -> None:
    auto = ('every = "1s"', 'every = "auto"')
    nine, ten = (
        ('every = "1h"', f'at = ["{hour}:00"]') for hour in (17, 18)
    )  # in Shanghai: nine and ten hours after NOW
    (state,) = await _edited(desk, NOW, auto, nine)
    rhythm = Rhythm(gap=DAY, entries=20)
    waiting = replace(state, visited=NOW, next_poll_at=NOW + 9 * HOUR, rhythm=rhythm)
    await desk.db.write(feeds.save, waiting)
    assert await _edited(desk, NOW + HOUR, auto, nine) == [waiting], "no edit"
    (moved,) = await _edited(desk, NOW + HOUR, auto, ten)
    assert timedelta(minutes=1) <= NOW + 10 * HOUR - moved.next_poll_at <= timedelta(minutes=10)
    assert (moved.rhythm, moved.visited) == (rhythm, NOW)
    renamed = ('name = "人工智能"', 'name = "AI"')
    assert await _edited(desk, NOW + HOUR, auto, ten, renamed) == [moved], "who waits for it is the same"
    (prompt,) = await _edited(desk, NOW + HOUR, auto)
    assert prompt.next_poll_at < NOW + HOUR, "every = 1h: each entry is waited for"


async def test_waiting_mails_are_due_when_they_go_to_another_server_or_in_another_way(desk: Desk) -> None:
    await desk.register(NOW, subscription("AI 日报", ANN, BOB))
    first, second = await desk.queue("AI 日报", ANN, BOB)
    loaded = desk.config(subscription("AI 日报", ANN, BOB))
    server = loaded.config.smtp.server

    async def deferred(server: str) -> None:
        for number in (first, second):
            taken = await desk.db.write(
                outbox.claim, NOW, lease_until=NOW + HOUR, token="t1", routes=tuple(Route), server=server
            )
            assert taken
            await finish(desk.db, number, WAITING, again=NOW + DAY)

    async def next_attempts() -> set[datetime | None]:
        return {(await delivery(desk.db, number)).next_attempt_at for number in (first, second)}

    await deferred(server)
    await desk.db.write(relays.save, RelayState(server=server, settings=loaded.smtp_hash))
    await desk.db.write(register, loaded, NOW)
    assert await next_attempts() == {NOW + DAY}, "nothing has changed"
    await desk.db.write(register, replace(loaded, smtp_hash="with another password"), NOW)
    assert await next_attempts() == {NOW}
    await deferred("mail.example.org:25")
    await desk.db.write(register, loaded, NOW)
    assert await next_attempts() == {NOW}, "they were tried by another server"
    await deferred(server)
    without_server = replace(loaded.config, smtp=replace(loaded.config.smtp, host=""))
    await desk.db.write(register, replace(loaded, config=without_server, smtp_hash="none"), NOW)
    assert await next_attempts() == {NOW + DAY}, "they wait for a server"


async def new(desk: Desk, name: str) -> set[str]:
    """Who is to get a first issue of the subscription of this name."""
    state = await desk.state(name)
    assert state
    return await desk.db.read(recipients.new, state.key)


async def test_who_is_new_is_to_get_a_first_issue(desk: Desk) -> None:
    await desk.register(NOW, subscription("S"))
    assert await new(desk, "S") == {ANN}
    await desk.db.write(recipients.end_new, "S", [ANN])
    await desk.register(NOW, subscription("S", ANN, BOB))
    assert await new(desk, "S") == {BOB}


@pytest.mark.parametrize(
    "after",
    [
        subscription("daily"),
        subscription("daily", when='at = ["08:00"]'),
        subscription("daily", "Ann@example.org", when='at = ["08:00"]'),
        subscription("S", "Ann@example.org"),
        subscription("S", when='at = ["08:00"]'),
    ],
    ids=["renamed", "renamed and rescheduled", "in other letters too", "in other letters", "rescheduled"],
)
async def test_who_is_known_gets_no_first_issue_whatever_is_edited(desk: Desk, after: str) -> None:
    await desk.register(NOW, subscription("S"))
    await desk.db.write(recipients.end_new, "S", [ANN])
    await desk.register(NOW + HOUR, after)
    assert await new(desk, "daily" if "daily" in after else "S") == set()


async def test_who_is_written_in_other_letters_before_his_first_issue_still_gets_it(desk: Desk) -> None:
    await desk.register(NOW, subscription("S"))
    await desk.register(NOW, subscription("S", "Ann@example.org"))
    assert await new(desk, "S") == {"Ann@example.org"}


async def test_who_is_back_within_a_day_or_later_is_known(desk: Desk) -> None:
    await desk.register(NOW, subscription("S", ANN, BOB))
    await desk.db.write(recipients.end_new, "S", [ANN, BOB])
    await desk.register(NOW, subscription("S"))
    await desk.register(NOW + 2 * DAY, subscription("S", ANN, BOB))
    assert await new(desk, "S") == set()


async def test_an_upgrade_sends_no_first_issue_to_those_who_were_mailed_before(desk: Desk) -> None:
    """Versions that kept no recipients knew the subscription only, and had queued mails."""

    def earlier_version(tx: Connection) -> None:
        subscriptions.sync(tx, ["S"], NOW)

    await desk.db.write(earlier_version)
    await desk.register(NOW, subscription("S", ANN, BOB))
    assert await new(desk, "S") == set()
    await desk.queue("S", "carl@example.org")
    await desk.register(NOW, subscription("S", ANN, BOB, "carl@example.org"))
    assert await new(desk, "S") == set(), "there is a mail to him"


async def test_a_rename_by_hand_makes_its_recipients_known(desk: Desk) -> None:
    await desk.register(NOW, subscription("S"))
    await desk.db.write(recipients.end_new, "S", [ANN])
    t = subscription("T", BOB, when='every = "2h"')
    await desk.register(NOW, t)
    await desk.register(NOW + 2 * DAY, t)
    await desk.register(NOW + 3 * DAY, t, subscription("U", ANN, BOB))
    assert await new(desk, "U") == {ANN, BOB}
    await rename("S", "U", in_file=["T", "U"], db=desk.db, now=NOW + 3 * DAY)
    assert await new(desk, "U") == {BOB}
