"""Decide where a feed is asked: at the end of a lasting redirect, again at its own url, or no more once it is gone."""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.errors import FeedError, FetchError, ParseError
from monitor.model.feeds import PollState, Validators

_VISITS = 3  # in a row: a redirect set by mistake is taken back before
_GONE_ANSWERS = 3
_GONE_FOR = timedelta(days=2)  # at least, between the first of them and the last
_AWAY = 10  # failures in a row: who let the new address lapse may have kept the old one
_NO_FEED_HERE = (401, 403, 404, 410, 451)


def after_answer(
    before: PollState, after: PollState, *, url: str, moved_permanently: bool, is_same_feed: bool
) -> PollState:
    """Return the state `after` a good answer from `url` with where the feed is asked from now on.

    That is where permanent redirects (RFC 9110 sections 15.4.2 and 15.4.9) have ended at three visits in a row, and
    brought a document of this feed each time.
    """
    after = _changed(after, gone=0, gone_since=None, stopped=False)
    asked = before.asks or before.feed_url
    if not (moved_permanently and is_same_feed) or url == asked:
        return _changed(after, redirected_to="", redirects=0)
    visits = before.redirects + 1 if before.redirected_to == url else 1
    if visits < _VISITS:
        return replace(after, redirected_to=url, redirects=visits)
    asks = "" if url == before.feed_url else url
    return replace(after, asks=asks, redirected_to="", redirects=0)


def after_failure(before: PollState, after: PollState, error: FeedError, *, now: datetime) -> PollState:
    """Return the state `after` a failure with where the feed is asked from now on, and whether it is.

    An adopted address that has no feed any more, or has not answered ten times, is given up: the feed is asked at once
    at its own url. A feed that was gone (410) three times, over two days, is asked no more. An answer of another kind
    begins that count anew; that there was none, or the server had a trouble of its own, does not.
    """
    if before.asks:
        if not (_has_no_feed(error) or after.failures >= _AWAY):
            return after
        return replace(
            after,
            asks="",
            redirected_to="",
            redirects=0,
            validators=Validators(),  # those were of another address
            next_poll_at=now,
        )
    if not (isinstance(error, FetchError) and error.permanent):
        says_nothing = isinstance(error, FetchError) and (error.connection or (error.status or 0) >= 500)
        return after if says_nothing else replace(after, gone=0, gone_since=None, stopped=False)
    gone_since = before.gone_since or now
    gone = before.gone + 1
    stopped = before.stopped or (gone >= _GONE_ANSWERS and now - gone_since >= _GONE_FOR)
    return replace(after, gone=gone, gone_since=gone_since, stopped=stopped)


def _changed(state: PollState, **values: object) -> PollState:
    """Return a state with other values; the same one where it has them already, as after nearly every visit."""
    is_same = all(getattr(state, name) == value for name, value in values.items())
    return state if is_same else replace(state, **values)  # type: ignore[arg-type]  # values of several types


def _has_no_feed(error: FeedError) -> bool:
    if isinstance(error, ParseError):
        return not error.broke_parser
    return isinstance(error, FetchError) and error.status in _NO_FEED_HERE
