import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from monitor import log
from monitor.errors import FetchError
from monitor.jobs.poll import Polled, PollFailed, Unchanged
from monitor.model.feeds import FeedHealth, PollState
from monitor.queries.answers.status import FeedStatus
from monitor.service.events import log_outcome
from tests import make
from tests.make import NOW


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    yield
    logging.getLogger().handlers.clear()
    log.stop()


def test_the_address_where_a_feed_is_asked_from_now_on_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    adopted = "https://new.example.org/rss?token=secret"
    log_outcome(Unchanged(feed=make.feed(), next_poll_at=NOW, adopted=adopted))
    moved, polled = capsys.readouterr().err.splitlines()
    assert "WARNING feed-moved" in moved
    assert "https://new.example.org/rss?token=***" in moved
    assert "unchanged=True" in polled


def test_entries_with_another_title_are_counted_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    log_outcome(
        Polled(feed=make.feed(), entries=3, new=1, matched=2, retitled=2, held_back=1, next_poll_at=NOW)
    )
    assert "new=1 matched=2 retitled=2 held_back=1 next=" in capsys.readouterr().err


def test_a_feed_that_is_faster_than_its_polls_is_named_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    polled = Polled(feed=make.feed(), entries=3, new=3, matched=2, held_back=0, next_poll_at=NOW)
    log_outcome(polled)
    log_outcome(replace(polled, faster=True))
    quiet, faster, polled_too = capsys.readouterr().err.splitlines()
    assert " polled " in quiet
    assert f"WARNING feed-faster feed={make.feed().name} entries=3" in faster
    assert " polled " in polled_too


def test_a_feed_that_is_gone_is_never_polled_again_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    error = FetchError("HTTP 410 Gone", status=410, permanent=True)
    log_outcome(PollFailed(feed=make.feed(), error=error, failures=3, next_poll_at=NOW, stopped=True))
    assert "next=never" in capsys.readouterr().err
    state = PollState(feed_url=make.feed().url, next_poll_at=NOW, failures=3, stopped=True)
    assert FeedStatus.of("示例", state, FeedHealth.GONE).next is None
