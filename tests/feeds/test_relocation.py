from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds.relocation import after_answer, after_failure
from monitor.model.feeds import PollState, Validators
from tests.make import NOW

URL, NEW, NEWER = (f"https://{host}.example.org/rss" for host in ("old", "new", "newer"))
STATE = PollState(feed_url=URL, next_poll_at=NOW)
GONE = FetchError("HTTP 410 Gone", status=410, permanent=True)


def redirected(state: PollState, *urls: str) -> PollState:
    """The state after visits that permanent redirects led to these addresses."""
    for url in urls:
        state = after_answer(state, state, url=url, moved_permanently=True, is_same_feed=True)
    return state


def failed(state: PollState, error: FeedError, *, days: float = 0, failures: int = 1) -> PollState:
    return after_failure(state, replace(state, failures=failures), error, now=NOW + timedelta(days=days))


def test_an_address_is_adopted_at_the_third_visit_in_a_row() -> None:
    assert redirected(STATE, NEW, NEW).asks == ""
    assert redirected(STATE, NEW, NEW, NEW).asks == NEW
    assert redirected(STATE, NEW, NEW, NEWER, NEW, NEW).asks == ""


@pytest.mark.parametrize(
    ("moved_permanently", "is_same_feed", "url"), [(False, True, NEW), (True, False, NEW), (True, True, URL)]
)
def test_another_answer_in_between_begins_the_count_anew(
    moved_permanently: bool, is_same_feed: bool, url: str
) -> None:
    twice = redirected(STATE, NEW, NEW)
    between = after_answer(
        twice, twice, url=url, moved_permanently=moved_permanently, is_same_feed=is_same_feed
    )
    assert redirected(between, NEW).asks == ""


def test_an_adopted_address_can_move_on_and_back() -> None:
    adopted = redirected(STATE, NEW, NEW, NEW)
    assert redirected(adopted, NEW, NEW, NEW).asks == NEW
    assert redirected(adopted, NEWER, NEWER, NEWER).asks == NEWER
    assert redirected(adopted, URL, URL, URL).asks == ""


@pytest.mark.parametrize(
    ("error", "failures", "asks"),
    [
        (ParseError("a web page"), 1, ""),
        (FetchError("HTTP 404", status=404), 1, ""),
        (GONE, 1, ""),
        (ParseError("slow", broke_parser=True), 1, NEW),
        (FetchError("HTTP 503", status=503), 9, NEW),
        (FetchError("HTTP 503", status=503), 10, ""),
        (FetchError("no answer", connection=True), 1, NEW),
        (FeedError("anything"), 1, NEW),
    ],
)
def test_an_adopted_address_without_a_feed_is_given_up(error: FeedError, failures: int, asks: str) -> None:
    adopted = replace(
        redirected(STATE, NEW, NEW, NEW),
        validators=Validators(etag="new"),
        next_poll_at=NOW + timedelta(hours=1),
    )
    after = failed(adopted, error, failures=failures)
    assert (after.asks, after.gone) == (asks, 0)
    assert (after.validators == Validators()) is (not asks)
    assert (after.next_poll_at == NOW) is (not asks), "its own url is asked at once"


def test_a_feed_that_is_gone_three_times_over_two_days_is_asked_no_more() -> None:
    twice = failed(failed(STATE, GONE), GONE, days=1)
    assert not failed(twice, GONE, days=1.9).stopped
    gone = failed(twice, GONE, days=2)
    assert gone.stopped
    assert failed(gone, GONE, days=9).stopped, "asked by hand"
    assert not failed(failed(STATE, GONE), GONE, days=3).stopped, "only twice"


@pytest.mark.parametrize(
    ("error", "counts_on"),
    [
        (FetchError("no answer", connection=True), True),
        (FetchError("HTTP 503", status=503), True),
        (FetchError("HTTP 404", status=404), False),
        (FetchError("more than 10 redirects"), False),
        (ParseError("a web page"), False),
    ],
)
def test_an_answer_of_another_kind_begins_the_count_of_gone_anew(error: FeedError, counts_on: bool) -> None:
    between = failed(failed(failed(STATE, GONE), GONE, days=1), error, days=2)
    assert failed(between, GONE, days=3).stopped is counts_on


def test_a_feed_that_answers_is_gone_no_more() -> None:
    stopped = replace(STATE, gone=3, gone_since=NOW, stopped=True)
    after = after_answer(stopped, stopped, url=URL, moved_permanently=False, is_same_feed=True)
    assert (after.gone, after.gone_since, after.stopped) == (0, None, False)
