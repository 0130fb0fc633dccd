import asyncio
from dataclasses import replace
from datetime import timedelta

from monitor.model.feeds import Entry
from monitor.model.rules import Match, PendingEntry
from monitor.store import digests, entries, matches
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW
from tests.store.gate import Gate

NAME = "AI 日报"
OTHER_FEED = "https://other.example.org/rss"
BEYOND = 1_000_000  # more entries than any test has


async def arrive(db: Database, *arrived: Entry, news: bool = True, judged_by: str = "r1") -> list[int]:
    """The seqs of those that are new."""
    kept = await db.write(entries.insert_new, [(entry, news) for entry in arrived], judged_by)
    return [seq for seq, _ in kept]


async def everything(
    db: Database, *, after: int = 0, ruleset: str = "r2", limit: int = BEYOND
) -> list[Entry]:
    news = await db.read(entries.news, after=after, upto=BEYOND, not_judged_by=ruleset, limit=limit)
    return [entry for _, entry in news]


async def test_an_entry_comes_back_as_it_was(db: Database) -> None:
    full = Entry(
        feed_url="https://feed.example.org/rss",
        id="urn:uuid:1",
        aliases=("https://news.example.org/1/",),
        story="https://news.example.org/1/",
        title="开源大模型的重心正在转移 😀",
        link="https://news.example.org/1/?x=1&y=2",
        authors=("王五", "O'Brien"),
        published=NOW,
        sections=("科技", "tech"),
        summary="一行\n另一行",
        text="正文" * 5000,
        original="https://www.news.example.org/1.html",
        first_seen=NOW,
    )
    bare = make.entry(published=None, id="2", story="2")
    await arrive(db, full, bare)
    assert await everything(db) == [replace(full, aliases=()), bare]


async def test_new_entries_are_counted_in_the_order_given(db: Database) -> None:
    arrived = [make.entry(number=number) for number in (3, 1, 2)]
    kept = await db.write(entries.insert_new, [(entry, True) for entry in arrived], "r1")
    assert [entry for _, entry in kept] == arrived
    seqs = [seq for seq, _ in kept]
    assert seqs == sorted(set(seqs))
    assert await db.read(entries.newest_seq) == seqs[-1]


async def test_a_store_without_entries_has_seq_0(db: Database) -> None:
    assert await db.read(entries.newest_seq) == 0
    assert await arrive(db) == []


async def test_an_entry_once_seen_is_never_new_again(db: Database) -> None:
    first = make.entry("第一版")
    await arrive(db, first)
    assert await arrive(db, replace(first, title="改了标题"), make.entry(number=2)) != []
    assert [entry.title for entry in await everything(db)] == ["第一版", make.entry().title]
    assert await arrive(db, first, make.entry(number=2)) == []


async def test_an_entry_is_known_by_any_of_its_names(db: Database) -> None:
    await arrive(db, make.entry(id="old", aliases=("link",)))
    assert await arrive(db, make.entry(id="new", aliases=("link",))) == []
    assert await arrive(db, make.entry(id="link")) == []
    assert await arrive(db, make.entry(id="newest", aliases=("new",))) == [], "the new name was remembered"
    assert len(await everything(db)) == 1


async def test_two_names_of_one_entry_in_one_answer_are_one_entry(db: Database) -> None:
    seqs = await arrive(
        db,
        make.entry(id="one", aliases=("a",)),
        make.entry(id="two", aliases=("b", "a")),
        make.entry(id="three", aliases=("b",)),
        make.entry(id="four"),
    )
    assert len(seqs) == 2
    assert [entry.id for entry in await everything(db)] == ["one", "four"]


async def test_the_same_id_in_another_feed_is_another_entry(db: Database) -> None:
    entry = make.entry(id="1")
    assert len(await arrive(db, entry, replace(entry, feed_url=OTHER_FEED))) == 2


async def test_an_id_that_no_database_takes_is_known_the_next_time(db: Database) -> None:
    strange = make.entry(id="a\0b\ud800", aliases=("\0",))
    assert len(await arrive(db, strange)) == 1
    assert await arrive(db, strange) == []


async def test_the_longest_ids_fit_into_the_index(db: Database) -> None:
    """600 characters of three bytes each that do not compress; PostgreSQL's limit is 2,704 bytes."""
    long = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(600))
    entry = make.entry(feed_url="https://feed.example.org/" + "0123456789" * 20, id=long, story=long)
    assert len(await arrive(db, entry)) == 1
    await db.write(digests.mark_mailed, "订阅" * 100, 1, [(1, long)])


async def test_thousands_of_entries_fit_into_one_answer(db: Database) -> None:
    arrived = [make.entry(number=number, aliases=(f"alias {number}",)) for number in range(1201)]
    assert len(await arrive(db, *arrived)) == 1201
    assert await arrive(db, *arrived) == []


async def test_what_no_rule_has_judged_yet_is_read_in_batches(db: Database) -> None:
    one, two, three = await arrive(db, *(make.entry(number=number) for number in range(3)))
    old = await arrive(db, make.entry(number=9), news=False)
    assert len(await everything(db, ruleset="r1")) == 0
    assert len(await everything(db, ruleset="r2")) == 3, "what is no news needs no judgement"
    assert len(await everything(db, after=one)) == 2
    assert len(await everything(db, limit=2)) == 2
    assert [
        seq for seq, _ in await db.read(entries.news, after=0, upto=two, not_judged_by="r2", limit=9)
    ] == [
        one,
        two,
    ]
    await db.write(entries.mark_judged, [one, three, *old], "r2")
    assert [entry.id for entry in await everything(db)] == [make.entry(number=1).id]


async def test_news_is_counted_between_two_arrivals(db: Database) -> None:
    one, _, three = await arrive(db, *(make.entry(number=number) for number in range(3)))
    await arrive(db, make.entry(number=9), news=False)
    assert await db.read(entries.count_news, 0, BEYOND) == 3
    assert await db.read(entries.count_news, one, three) == 2
    assert await db.read(entries.count_news, three, BEYOND) == 0


# --- what is pending for a digest -------------------------------------------------------------------


async def match(db: Database, seq: int, *fingerprints: str) -> list[Match]:
    new = [make.match(fingerprint, score=seq) for fingerprint in fingerprints]
    await db.write(matches.insert, [(seq, match) for match in new])
    return new


async def pending(
    db: Database, *fingerprints: str, name: str = NAME, after: int = 0, upto: int = BEYOND
) -> list[PendingEntry]:
    return await db.read(
        entries.pending, subscription=name, after=after, upto=upto, fingerprints=fingerprints
    )


async def test_pending_entries_come_by_arrival_with_their_matches_in_the_order_of_the_rules(
    db: Database,
) -> None:
    one, two = make.entry(number=1), make.entry(number=2)
    first, second = await arrive(db, one, two)
    (later,) = await match(db, second, "f1")
    f1, f2, _ = await match(db, first, "f1", "f2", "f3")
    assert await pending(db, "f2", "f1") == [
        PendingEntry(seq=first, entry=one, matches=(f2, f1)),
        PendingEntry(seq=second, entry=two, matches=(later,)),
    ]


async def test_each_pending_entry_has_its_own_matches(db: Database) -> None:
    first, second = await arrive(db, make.entry(number=1), make.entry(number=2))
    matches_of_first = await match(db, first, "f1", "f2")
    matches_of_second = await match(db, second, "f1", "f2")
    assert [candidate.matches for candidate in await pending(db, "f1", "f2")] == [
        tuple(matches_of_first),
        tuple(matches_of_second),
    ]


async def test_only_what_arrived_in_between_is_pending(db: Database) -> None:
    seqs = await arrive(db, *(make.entry(number=number) for number in range(4)))
    for seq in seqs:
        await match(db, seq, "f1")
    in_between = await pending(db, "f1", after=seqs[0], upto=seqs[2])
    assert [candidate.seq for candidate in in_between] == seqs[1:3]


async def test_what_these_rules_did_not_match_is_not_pending(db: Database) -> None:
    (seq,) = await arrive(db, make.entry())
    assert await pending(db, "f1") == []
    await match(db, seq, "f1")
    assert await pending(db, "f2") == []
    assert await pending(db) == []


async def test_what_is_no_news_is_not_pending(db: Database) -> None:
    (seq,) = await arrive(db, make.entry(), news=False)
    await match(db, seq, "f1")
    assert await pending(db, "f1") == []


async def test_a_story_that_was_mailed_from_another_feed_is_not_pending(db: Database) -> None:
    entry = make.entry(story="the story")
    one, two = await arrive(db, entry, replace(entry, feed_url=OTHER_FEED))
    await match(db, one, "f1")
    await match(db, two, "f1")
    await db.write(digests.mark_mailed, NAME, 1, [(one, "the story")])
    assert await pending(db, "f1") == []
    assert [candidate.seq for candidate in await pending(db, "f1", name="others")] == [one, two]


async def test_thousands_of_rules_fit_into_one_question(db: Database) -> None:
    (seq,) = await arrive(db, make.entry())
    rules = [f"f{number}" for number in range(1201)]
    await match(db, seq, rules[-1], rules[0])
    (candidate,) = await pending(db, *rules)
    assert [match.fingerprint for match in candidate.matches] == [rules[0], rules[-1]]


async def test_what_was_mailed_is_remembered_with_its_matches(db: Database) -> None:
    entry = make.entry()
    seq, unmailed = await arrive(db, entry, make.entry(number=2))
    its_matches = await match(db, seq, "f1", "f2")
    await match(db, unmailed, "f1")
    await db.write(digests.mark_mailed, NAME, 1, [(seq, entry.story)])
    assert await db.read(entries.mailed, subscription=NAME) == [
        PendingEntry(seq=seq, entry=entry, matches=tuple(its_matches))
    ]
    assert await db.read(entries.mailed, subscription="others") == []


# --- two services -----------------------------------------------------------------------------------


async def test_a_reader_never_passes_an_arrival_that_is_still_being_stored(
    db: Database, other: Database, gate: Gate
) -> None:
    """Numbers must become visible in their order: a reader that has read up to one reads on behind it."""

    def slowly(tx: Connection) -> None:
        entries.insert_new(tx, [(make.entry("慢", number=1), True)], "r1")
        gate.wait(tx)

    slow = asyncio.create_task(db.write(slowly))
    await asyncio.to_thread(gate.reached.wait)
    quick = asyncio.create_task(arrive(other, make.entry("快", number=2)))
    await asyncio.wait([quick], timeout=0.2)
    read = await everything(db)
    cursor = await db.read(entries.newest_seq)
    gate.open()
    await asyncio.gather(slow, quick)
    read += await everything(db, after=cursor)
    assert [entry.title for entry in read] == ["慢", "快"]


async def test_a_reader_that_follows_two_writers_misses_nothing(db: Database, other: Database) -> None:
    writing = [
        asyncio.create_task(arrive(each, make.entry(number=number * 2 + service)))
        for number in range(40)
        for service, each in enumerate((db, other))
    ]
    read: list[Entry] = []
    cursor = 0
    while len(await db.read(entries.news, after=0, upto=BEYOND, not_judged_by="", limit=BEYOND)) < len(
        writing
    ):
        newest = await db.read(entries.newest_seq)
        new = await db.read(entries.news, after=cursor, upto=newest, not_judged_by="", limit=BEYOND)
        read += [entry for _, entry in new]
        cursor = newest
    await asyncio.gather(*writing)
    read += await everything(db, after=cursor)
    assert sorted(entry.id for entry in read) == sorted(make.entry(number=number).id for number in range(80))


async def test_two_services_that_see_the_same_entries_keep_each_once(db: Database, other: Database) -> None:
    arrived = [make.entry(number=number) for number in range(10)]
    kept = await asyncio.gather(*(arrive(each, *arrived) for _ in range(5) for each in (db, other)))
    assert sum(len(seqs) for seqs in kept) == 10
    assert len(await everything(db)) == 10


async def test_a_number_is_not_given_again_when_the_entry_did_not_stay(db: Database) -> None:
    def insert_and_forget(tx: Connection) -> int:
        [(seq, _)] = entries.insert_new(tx, [(make.entry(), True)], "r1")
        tx.exec_driver_sql("DELETE FROM entries")
        tx.exec_driver_sql("DELETE FROM entry_keys")
        return seq

    forgotten = await db.write(insert_and_forget)
    (seq,) = await arrive(db, make.entry())
    assert seq > forgotten


async def test_entries_are_found_by_their_seqs_however_many(db: Database) -> None:
    new = [(make.entry(number=number), True) for number in range(600)]
    inserted = await db.write(entries.insert_new, new, "r1")
    seqs = [seq for seq, _ in inserted]
    stored = await db.read(entries.of, [*reversed(seqs), 10_000])
    assert [seq for seq, _ in stored] == seqs
    assert [entry.id for _, entry in stored] == [entry.id for entry, _ in new]
    assert await db.read(entries.of, []) == []


async def test_a_later_edition_stands_for_the_entry(db: Database) -> None:
    first = make.entry("快讯", id="a", aliases=("alias",), story="s")
    (seq,) = await arrive(db, first)
    await db.write(digests.add_backfill, NAME, [seq])
    changed = make.entry("大模型降价", id="other", story="other", first_seen=NOW)
    ((later, _),) = await db.write(entries.insert_editions, {seq: changed}, "r1")
    edition = replace(changed, id="a", story="s")
    assert later > seq
    assert await everything(db) == [edition]
    assert await db.read(entries.count_news, 0, BEYOND) == 1
    assert await db.read(entries.find, ["alias"]) == [(later, edition, True)]
    assert await db.read(entries.find, [first.link]) == [(later, edition, True)]
    assert [number for number, *_ in await db.read(entries.find, [str(seq)])] == [seq]
    assert await db.read(digests.backfill_of, NAME) == [(later, edition)]
    assert await db.read(entries.of, [seq, later]) == [
        (seq, replace(first, aliases=())),
        (later, edition),
    ], "the digests that brought the first one have it still"
    known = await db.read(entries.known, first.feed_url, ["a", "alias", "unknown"])
    assert set(known) == {"a", "alias"}
    assert {(each.seq, each.edition, each.news) for each in known.values()} == {(later, 2, True)}


async def test_an_edition_of_an_entry_that_was_held_back_is_held_back_once(db: Database) -> None:
    first = make.entry("快讯")
    (seq,) = await arrive(db, first, news=False)
    await db.write(entries.insert_editions, {seq: replace(first, title="大模型")}, "r1")
    held = await db.read(entries.held_back, published_since=NOW - timedelta(days=9), after=0, limit=9)
    assert [entry.title for _, entry in held] == ["大模型"]
    assert await db.read(entries.count_held_back, published_since=NOW - timedelta(days=9)) == 1
    await db.write(digests.mark_mailed, NAME, 1, [(seq, first.story)])
    assert await db.read(entries.count_held_back, published_since=NOW - timedelta(days=9)) == 0


async def test_the_matches_of_an_edition_that_was_replaced_are_not_counted(db: Database) -> None:
    (seq,) = await arrive(db, make.entry())
    await db.write(matches.insert, [(seq, make.match())])
    assert await db.read(matches.tally, 0) != {}
    await db.write(entries.insert_editions, {seq: make.entry("另一个")}, "r1")
    assert await db.read(matches.tally, 0) == {}


async def test_entries_are_found_by_their_titles_in_their_feed(db: Database) -> None:
    mine, other = make.entry("甲", id="1"), make.entry("乙", id="2")
    await arrive(db, mine, other, make.entry("甲", feed_url=OTHER_FEED))
    assert await db.read(entries.titled, mine.feed_url, ["甲", "丙"]) == [mine]
    assert await db.read(entries.stories_of, mine.feed_url, [mine.story, "none"]) == {mine.story}
    assert await db.read(entries.stories_of, OTHER_FEED, [mine.story]) == set()
