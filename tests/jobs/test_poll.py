from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.config.options import Feed
from monitor.errors import FetchError, ParseError
from monitor.feeds.body import Body
from monitor.feeds.rhythm import Demand
from monitor.jobs.poll import Polled, PollFailed, Unchanged, claim, claim_all, poll
from monitor.model.feeds import ParsedFeed, Rhythm, Validators
from monitor.store import entries, feeds
from tests import make
from tests.fakes import FakeClock
from tests.jobs.desk import FETCH, Desk
from tests.parsing import parse_here


async def test_new_entries_are_counted_and_matched(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "天气转凉"))
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Polled)
    assert (outcome.entries, outcome.new, outcome.matched, outcome.held_back) == (2, 2, 1, 0)


async def test_an_entry_once_seen_is_never_news_again(desk: Desk) -> None:
    desk.web.serves(
        desk.feeds[0], make.rss("大模型降价"), make.rss("天气转凉"), make.rss("大模型降价", "天气转凉")
    )
    await desk.poll()
    await desk.poll()
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Polled)
    assert outcome.new == 0


@pytest.mark.parametrize(
    ("before", "after", "faster"),
    [
        (["大模型降价"], ["天气转凉", "AI监管"], True),
        (["大模型降价"], ["天气转凉", "大模型降价"], False),
        (["大模型降价"], ["天气转凉"], False),
        ([], ["天气转凉", "AI监管"], False),
    ],
    ids=["none known", "one known", "a single one", "nothing before"],
)
async def test_a_feed_with_none_of_the_entries_it_had_is_faster_than_its_polls(
    desk: Desk, before: list[str], after: list[str], faster: bool
) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*before), make.rss(*after))
    outcomes = [*await desk.poll(), *await desk.poll(), *await desk.poll()]
    assert [isinstance(outcome, Polled) and outcome.faster for outcome in outcomes] == [False, faster, False]


async def test_a_feed_that_is_made_anew_is_not_faster_than_its_polls(desk: Desk) -> None:
    old = make.rss(*(f"旧闻{number}" for number in range(20)), hours_old=24 * 9)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), old)
    await desk.poll()
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Polled)
    assert outcome.held_back == 20
    assert not outcome.faster


async def test_the_servers_own_validators_are_sent_back(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), None, etag='W/"odd -gzip"')
    await desk.poll()
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Unchanged)
    assert [validators for _, validators in desk.web.requests] == [
        Validators(),
        Validators(etag='W/"odd -gzip"'),
    ]


async def test_what_is_older_than_first_visit_is_remembered_but_no_news(desk: Desk) -> None:
    desk.feeds = (make.feed(first_visit=timedelta(days=3)),)
    desk.web.serves(
        desk.feeds[0], make.rss("大模型降价", hours_old=100), make.rss("大模型降价", "AI新规", hours_old=100)
    )
    (first,) = await desk.poll()
    (second,) = await desk.poll()
    assert isinstance(first, Polled)
    assert isinstance(second, Polled)
    assert (first.new, first.matched, first.held_back) == (0, 0, 1)
    assert (second.new, second.matched) == (1, 1), "after the first visit only identity decides what is new"


async def test_a_feed_that_fails_waits_and_says_why(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], FetchError("HTTP 503", status=503))
    await desk.poll()
    (outcome,) = await desk.poll()
    assert isinstance(outcome, PollFailed)
    assert outcome.failures == 2
    (state,) = await desk.db.read(feeds.states)
    assert state.last_error == "HTTP 503"
    assert state.next_poll_at > desk.clock()


async def test_a_page_that_is_no_feed_keeps_the_old_validators(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    desk.web.serves(desk.feeds[0], b"<html><body>log in</body></html>", etag='"page"')
    (outcome,) = await desk.poll()
    assert isinstance(outcome, PollFailed)
    (state,) = await desk.db.read(feeds.states)
    assert state.validators == Validators(etag='"1"')


async def test_a_good_answer_ends_the_count_of_failures(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], FetchError("HTTP 503", status=503), make.rss("大模型降价"))
    await desk.poll()
    await desk.poll()
    (state,) = await desk.db.read(feeds.states)
    assert (state.failures, state.last_error, state.visited) == (0, "", desk.clock())


async def test_a_claim_holds_for_two_fetch_timeouts(desk: Desk) -> None:
    await desk.register()
    lease = 2 * FETCH.timeout
    await claim(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH, limit=9)
    claimed_until = [state.next_poll_at for state in await desk.db.read(feeds.states)]
    assert claimed_until == [desk.clock() + lease]
    now = desk.clock.forward(minutes=10)
    await claim_all(desk.feeds, db=desk.db, now=now, options=FETCH)
    assert [state.next_poll_at for state in await desk.db.read(feeds.states)] == [now + lease]


async def test_a_feed_in_the_hands_of_one_worker_is_not_given_to_another(desk: Desk) -> None:
    await desk.register()
    first = await claim(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH, limit=10)
    second = await claim(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH, limit=10)
    assert (len(first), len(second)) == (1, 0)
    desk.clock.forward(minutes=2)
    third = await claim(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH, limit=10)
    assert len(third) == 1, "the lease of a worker that died is over"


async def test_a_rule_with_a_regular_expression_finds_what_any_other_finds(desk: Desk) -> None:
    desk.rules = (make.rule(any=("/GPT-\\d/",)),)
    desk.web.serves(desk.feeds[0], make.rss("GPT-6 发布", "天气"))
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Polled)
    assert (outcome.new, outcome.matched) == (2, 1)


@pytest.mark.parametrize("sections", [("科技",), ("technology",)])
async def test_a_feed_limited_to_sections_matches_only_those(desk: Desk, sections: tuple[str, ...]) -> None:
    desk.feeds = (make.feed(sections=sections),)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    (outcome,) = await desk.poll()
    assert isinstance(outcome, Polled)
    assert (outcome.new, outcome.matched) == (1, 0), "an item without a section is in none of them"


async def test_when_the_first_of_several_hosts_answers_again_the_others_are_due_within_a_minute(
    desk: Desk,
) -> None:
    desk.feeds = [make.feed(name, url=f"https://{name}.example.org/rss") for name in ("a", "b", "c", "d")]
    away = FetchError("no answer within 30 s", connection=True)
    *unreachable, busy = desk.feeds
    for feed in unreachable:
        desk.web.serves(feed, away)
    desk.web.serves(busy, FetchError("HTTP 429", status=429, retry_after=timedelta(hours=3)))
    for _ in range(8):  # a night
        await desk.poll()
    waits = await pauses(desk)
    assert all(timedelta(minutes=25) < wait <= timedelta(minutes=30) for wait in waits[:3])
    desk.clock.forward(minutes=5)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    desk.feeds = desk.feeds[:1]
    await desk.poll()
    waits = await pauses(desk)
    assert waits[1:3] == [timedelta(0), timedelta(seconds=30)]
    assert waits[3] > timedelta(hours=2), "what the server asked for holds"


async def test_a_single_host_that_comes_back_moves_no_other_poll(desk: Desk) -> None:
    desk.feeds = [make.feed(name, url=f"https://{name}.example.org/rss") for name in ("a", "b")]
    desk.web.serves(desk.feeds[0], FetchError("no answer within 30 s", connection=True), make.rss("大模型"))
    desk.web.serves(desk.feeds[1], FetchError("HTTP 503", status=503))
    await desk.poll()
    before = await pauses(desk)
    desk.feeds = desk.feeds[:1]
    await desk.poll()
    assert (await pauses(desk))[1] == before[1]


async def pauses(desk: Desk) -> list[timedelta]:
    """Return how long each feed still waits, by url."""
    return [state.next_poll_at - desk.clock() for state in await desk.db.read(feeds.states)]


async def test_a_clock_that_is_ahead_for_a_moment_makes_no_news_old(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", hours_old=3))
    await desk.register()
    ahead = FakeClock(desk.clock() + timedelta(days=30))
    ((feed, state),) = await claim_all(desk.feeds, db=desk.db, now=ahead(), options=FETCH)
    outcome = await poll(
        feed,
        state,
        demand=Demand(),
        fetch=desk.web.fetch,
        parse=parse_here,
        rules=desk.ruleset,
        options=FETCH,
        db=desk.db,
        clock=ahead,
        settled_clock=desk.clock,
        jitter=lambda: 0,
    )
    assert isinstance(outcome, Polled)
    assert (outcome.new, outcome.held_back) == (1, 0)
    assert outcome.next_poll_at > ahead()
    ((_, entry),) = await desk.db.read(entries.news, after=0, upto=9, limit=9)
    assert entry.first_seen == desk.clock()


async def test_the_same_bytes_are_not_read_again(desk: Desk) -> None:
    document = make.rss("大模型降价")
    desk.web.serves(desk.feeds[0], document, document, make.rss("大模型降价", "天气转凉"), document)
    outcomes = [(await desk.poll())[0] for _ in range(4)]
    assert [type(outcome) for outcome in outcomes] == [Polled, Unchanged, Polled, Polled]
    (state,) = await desk.db.read(feeds.states)
    assert state.visited == desk.clock()


async def test_bytes_that_were_no_feed_are_read_again(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], b"<html></html>")
    outcomes = [(await desk.poll())[0] for _ in range(2)]
    assert [type(outcome) for outcome in outcomes] == [PollFailed, PollFailed]


async def test_a_feed_that_broke_its_parser_waits_for_others_of_its_kind(desk: Desk) -> None:
    suspects = []

    async def break_down(body: Body, *, suspect: bool = False, **_: object) -> ParsedFeed:
        suspects.append(suspect)
        raise ParseError("the document keeps the parser busy", broke_parser=True)

    desk.parse = break_down
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    pauses = []
    for _ in range(3):
        (outcome,) = await desk.poll()
        pauses.append(outcome.next_poll_at - desk.clock())
    assert suspects == [False, True, True]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[2], "the pause grows"


async def test_a_place_is_given_back_when_the_document_is_there(desk: Desk) -> None:
    sizes: list[int] = []

    async def parse(body: Body, **rest: object) -> ParsedFeed:
        assert sizes == [len(body)]
        return await parse_here(body, **rest)  # type: ignore[arg-type]  # each name has its type there

    desk.parse, desk.downloaded = parse, sizes.append
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), None)
    await desk.poll()
    await desk.poll()
    assert len(sizes) == 1


async def test_a_feed_keeps_its_rhythm_over_a_304_and_asks_for_a_document_after_8_days(desk: Desk) -> None:
    desk.feeds = (make.feed(every="auto"),)
    desk.web.serves(desk.feeds[0], make.rss("一", "二", "三"), None)
    await desk.poll()
    (first,) = await desk.db.read(feeds.states)
    desk.clock.forward(days=8)
    await desk.poll()
    (unchanged,) = await desk.db.read(feeds.states)
    assert first.rhythm == unchanged.rhythm == Rhythm(gap=timedelta(0), entries=3)
    assert (first.document_at, first.changed_at) == (unchanged.document_at, unchanged.changed_at)
    assert unchanged.visited == desk.clock()
    desk.clock.forward(seconds=1)
    await desk.poll()
    assert [validators.etag for _, validators in desk.web.requests] == ["", '"1"', ""]


async def test_a_document_of_the_same_bytes_is_a_document_all_the_same(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("一"))
    for _ in range(3):
        await desk.poll()
        desk.clock.forward(days=7)
    (state,) = await desk.db.read(feeds.states)
    assert (state.document_at, state.changed_at) == (desk.clock() - timedelta(days=7), make.NOW)
    assert [validators.etag for _, validators in desk.web.requests] == ["", '"1"', '"1"']


async def test_a_document_whose_entries_are_known_ends_no_silence(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("三", "一"), make.rss("一"), make.rss("二", "一"))
    changed = []
    for _ in range(3):
        await desk.poll()
        (state,) = await desk.db.read(feeds.states)
        changed.append(state.changed_at)
        desk.clock.forward(hours=1)
    assert changed == [make.NOW, make.NOW, make.NOW + timedelta(hours=2)]


def host_feeds(*hosts: str) -> list[Feed]:
    return [make.feed(str(number), url=f"https://{host}/{number}") for number, host in enumerate(hosts)]


def busy(status: int = 429, **wait: float) -> FetchError:
    return FetchError(f"HTTP {status}", status=status, retry_after=timedelta(**wait) if wait else None)


@pytest.mark.parametrize("status", [429, 503])
async def test_when_a_host_tells_two_of_its_feeds_to_wait_all_of_them_wait(desk: Desk, status: int) -> None:
    first, second, third, other = desk.feeds = host_feeds(*["a.example.org"] * 3, "b.example.org")
    await desk.register()
    for feed in (first, second):
        desk.web.serves(feed, busy(status, hours=2))
    desk.feeds = [first]
    await desk.poll()
    waits = await pauses(desk)
    assert waits[0] >= timedelta(hours=2)
    assert waits[1:] == [timedelta(0)] * 3, "one alone means itself"
    desk.feeds = [second]
    await desk.poll()
    waits = await pauses(desk)
    assert all(wait >= timedelta(hours=2) for wait in waits[:3])
    assert waits[3] == timedelta(0), "another host"
    desk.feeds = [first, second, third, other]
    for feed in (third, other):
        desk.web.serves(feed, make.rss("大模型"))
    assert [outcome.feed for outcome in await desk.poll()] == [other], "by hand neither"
    desk.clock.forward(hours=2)
    assert len(await desk.poll()) == 4


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("127.0.0.1", busy(429, hours=2)),  # the operator's own
        ("a.example.org", busy(500, hours=2)),
        ("a.example.org", busy(429)),
    ],
)
async def test_the_other_feeds_of_a_host_do_not_wait_where_it_is_not_meant(
    desk: Desk, host: str, error: FetchError
) -> None:
    *told, _ = desk.feeds = host_feeds(host, host, host)
    await desk.register()
    for feed in told:
        desk.web.serves(feed, error)
    desk.feeds = told
    options = replace(FETCH, allow_private=("127.0.0.1/32",))
    await desk.poll(options)
    assert (await pauses(desk))[2] == timedelta(0)


async def test_of_a_host_one_feed_is_claimed_a_second(desk: Desk) -> None:
    desk.feeds = host_feeds("a.example.org", "a.example.org", "b.example.org", "127.0.0.1", "127.0.0.1")
    await desk.register()
    options = replace(FETCH, allow_private=("127.0.0.1/32",))

    async def claimed() -> list[str]:
        taken = await claim(desk.feeds, db=desk.db, now=desk.clock(), options=options, limit=9, apart=True)
        return sorted(feed.name for feed, _ in taken)

    assert await claimed() == ["0", "2", "3", "4"]
    desk.clock.forward(seconds=0.9)
    assert await claimed() == []
    desk.clock.forward(seconds=0.2)
    assert await claimed() == ["1"]


async def test_a_host_that_could_not_be_reached_needs_no_pause(desk: Desk) -> None:
    first, second = desk.feeds = host_feeds("a.example.org", "a.example.org")
    await desk.register()
    desk.web.serves(first, FetchError("cannot be reached", connection=True))
    desk.feeds = [first]
    await desk.poll()
    taken = await claim([second], db=desk.db, now=desk.clock(), options=FETCH, limit=9, apart=True)
    assert [feed for feed, _ in taken] == [second]


async def test_a_request_by_a_clock_that_was_ahead_blocks_no_host(desk: Desk) -> None:
    first, second = desk.feeds = host_feeds("a.example.org", "a.example.org")
    await desk.register()
    await claim([first], db=desk.db, now=desk.clock() + timedelta(days=1), options=FETCH, limit=1, apart=True)
    taken = await claim([second], db=desk.db, now=desk.clock(), options=FETCH, limit=9, apart=True)
    assert [feed for feed, _ in taken] == [second]
