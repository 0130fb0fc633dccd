import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model.feeds import FailureKind, FeedSettings, Hints, PollState, Rhythm, Validators
from monitor.store import feeds
from monitor.store.database import Database
from tests.make import NOW
from tests.store.rows import put

A, B, C = (f"https://{name}.example.org/rss" for name in "abc")
SOON = NOW + timedelta(minutes=5)


def state(url: str, next_poll_at: datetime = NOW, **differ: object) -> PollState:
    return replace(PollState(feed_url=url, next_poll_at=next_poll_at), **differ)  # type: ignore[arg-type]  # by name


async def save(db: Database, *states: PollState) -> None:
    for state in states:
        await db.write(put, state)


async def test_a_new_feed_is_due_at_once(db: Database) -> None:
    await db.write(feeds.sync, [A, B, A], NOW)
    assert await db.read(feeds.states) == [state(A), state(B)]


async def test_a_known_feed_keeps_its_state_also_when_it_is_no_longer_asked_for(db: Database) -> None:
    known = state(A, SOON, validators=Validators(etag='W/"1"'), visited=NOW, failures=2, last_error="timeout")
    await save(db, known)
    await db.write(feeds.sync, [A], NOW + timedelta(days=1))
    await db.write(feeds.sync, [], NOW + timedelta(days=1))
    assert await db.read(feeds.states) == [known]


async def test_what_a_visit_taught_replaces_what_was_known(db: Database) -> None:
    await db.write(feeds.sync, [A, B], NOW)
    learnt = PollState(
        feed_url=A,
        validators=Validators(etag='"abc"', last_modified="Tue, 24 Nov 2026 00:00:00 GMT", url=B),
        next_poll_at=SOON,
        visited=NOW,
        failures=1,
        last_error="503",
        title="纽约时报中文网",
        document_at=NOW - timedelta(days=1),
        changed_at=NOW - timedelta(days=2),
        fresh_until=SOON,
        rhythm=Rhythm(gap=timedelta(hours=1.5), entries=20),
        hints=Hints(
            interval=timedelta(minutes=90), skip_hours=frozenset({0, 23}), skip_days=frozenset({6, 7})
        ),
    )
    await save(db, learnt)
    assert await db.read(feeds.states) == [learnt, state(B)]


async def test_due_feeds_are_taken_as_they_were_the_longest_due_first(db: Database) -> None:
    late, later, not_yet = (
        state(B, NOW - timedelta(hours=2), title="b"),
        state(A, NOW - timedelta(hours=1)),
        state(C, NOW + timedelta(microseconds=1)),
    )
    await save(db, late, later, not_yet)
    assert await db.write(feeds.claim_due, [A, B, C], NOW, until=SOON, limit=10) == [late, later]
    assert [state.next_poll_at for state in await db.read(feeds.states)] == [SOON, SOON, not_yet.next_poll_at]


async def test_no_more_are_taken_than_asked_for(db: Database) -> None:
    await save(db, state(A, NOW - timedelta(hours=1)), state(B, NOW - timedelta(hours=2)), state(C))
    taken = await db.write(feeds.claim_due, [A, B, C], NOW, until=SOON, limit=1)
    assert [state.feed_url for state in taken] == [B]


async def test_a_feed_that_is_not_asked_for_is_not_taken(db: Database) -> None:
    await save(db, state(A), state(B))
    taken = await db.write(feeds.claim_due, [B, "https://unknown.example.org/rss"], NOW, until=SOON, limit=10)
    assert [state.feed_url for state in taken] == [B]
    assert await db.write(feeds.claim_due, [], NOW, until=SOON, limit=10) == []


async def test_a_taken_feed_is_due_again_when_its_lease_is_over(db: Database) -> None:
    await save(db, state(A))
    assert await db.write(feeds.claim_due, [A], NOW, until=SOON, limit=1)
    assert await db.write(feeds.claim_due, [A], SOON - timedelta(seconds=1), until=SOON, limit=1) == []
    assert await db.write(feeds.claim_due, [A], SOON, until=SOON + timedelta(minutes=5), limit=1)


async def test_all_feeds_can_be_taken_due_or_not(db: Database) -> None:
    resting = state(A, NOW + timedelta(days=1))
    await save(db, resting, state(B), state(C))
    assert await db.write(feeds.claim_all, [B, A, B], NOW, until=SOON) == [state(B), resting]
    assert [state.next_poll_at for state in await db.read(feeds.states)] == [SOON, SOON, NOW]


async def test_two_services_never_take_the_same_feed(db: Database, other: Database) -> None:
    urls = [f"https://feed.example.org/{number}" for number in range(60)]
    await db.write(feeds.sync, urls, NOW)
    rounds = await asyncio.gather(
        *(
            each.write(feeds.claim_due, urls, NOW, until=SOON, limit=3)
            for _ in range(15)
            for each in (db, other)
        )
    )
    taken = [state.feed_url for states in rounds for state in states]
    assert sorted(taken) == sorted(urls)


async def test_thousands_of_feeds_fit_into_one_question(db: Database) -> None:
    urls = [f"https://feed.example.org/{number:05}" for number in range(1201)]
    await db.write(feeds.sync, urls, NOW)
    assert len(await db.write(feeds.claim_due, urls[1:], NOW, until=NOW, limit=5000)) == 1200
    assert len(await db.write(feeds.claim_all, urls, NOW, until=SOON)) == 1201


async def test_feeds_without_a_connection_that_wait_are_named_and_moved_forward_never_back(
    db: Database,
) -> None:
    away = {"failed_by": FailureKind.CONNECTION, "failures": 3}
    hour = timedelta(hours=1)
    await save(db, state(A, NOW + hour, **away), state(B, SOON, **away), state(C, NOW + hour))
    assert await db.read(feeds.unreachable, SOON) == [A]
    await db.write(feeds.advance, {A: SOON, B: NOW + hour})
    await db.write(feeds.advance, {})
    assert [state.next_poll_at for state in await db.read(feeds.states)] == [SOON, SOON, NOW + hour]


async def test_feeds_without_a_connection_are_made_due_the_others_wait(db: Database) -> None:
    past = NOW - timedelta(hours=1)
    await save(
        db,
        state(A, SOON, failed_by=FailureKind.CONNECTION),
        state(B, past, failed_by=FailureKind.CONNECTION),
        state(C, SOON, failed_by=FailureKind.ANSWER),
    )
    await db.write(feeds.make_unreachable_due, NOW)
    assert [state.next_poll_at for state in await db.read(feeds.states)] == [NOW, past, SOON]


async def test_the_settings_of_a_feed_are_those_registered_last(db: Database) -> None:
    settings = FeedSettings(reach="a.example.org 1", limits="2", interval=timedelta(minutes=30), demand="3")
    await db.write(feeds.sync, [A, B], NOW)
    moved = state(A, SOON, retry_after=SOON)
    await db.write(feeds.change_settings, moved, settings)
    known = await db.read(feeds.settings, [A, B, C])
    assert known == {A: settings, B: FeedSettings(reach="", limits="", interval=timedelta(0))}
    assert await db.read(feeds.states) == [moved, state(B)]
    await save(db, state(A, NOW))
    assert await db.read(feeds.settings, [A]) == {A: settings}, "a poll leaves them alone"
    assert await db.read(feeds.states) == [state(A), state(B)], "and says anew when the server may be asked"


async def test_feeds_whose_servers_want_to_be_left_alone_are_not_taken_even_by_hand(db: Database) -> None:
    later = SOON + timedelta(hours=1)
    await save(db, state(A), state(B, later, retry_after=later), state(C, retry_after=NOW))
    await db.write(feeds.let_rest, [A, B], SOON)
    await db.write(feeds.let_rest, [], SOON)
    assert await db.read(feeds.wanting_rest, NOW) == {A: SOON, B: later}
    assert [state.next_poll_at for state in await db.read(feeds.states)] == [SOON, later, NOW]
    taken = await db.write(feeds.claim_all, [A, B, C], NOW, until=SOON)
    assert [state.feed_url for state in taken] == [C]
    taken = await db.write(feeds.claim_all, [A, B, C], SOON, until=later)
    assert [state.feed_url for state in taken] == [A, C]
