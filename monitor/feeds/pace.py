"""Compute a feed's next poll time and failure state from the answer it gave (RFC 9110, RFC 9111)."""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError, FetchError
from monitor.model.feeds import PollState, Validators

_LONGEST_WISH = timedelta(hours=5)  # a max-age of 16 years must not silence a feed
_LONGEST_RETRY_AFTER = timedelta(days=1)
_SPREAD = 0.1  # of a wait: so that feeds begun together drift apart


def after_answer(
    state: PollState,
    *,
    feed: Feed,
    validators: Validators,
    title: str,
    max_age: timedelta | None,
    options: FetchOptions,
    now: datetime,
    jitter: float,
) -> PollState:
    """The state after a good answer, 304 included. `jitter` is in [0, 1).

    The next visit is after the feed's `every`, not before [fetch] min_interval, and not before what the server
    calls fresh (RFC 9111 section 4.2), up to five hours.
    """
    wish = min(max_age or timedelta(0), _LONGEST_WISH)
    wait = max(feed.every, options.min_interval, wish)
    return replace(
        state,
        validators=validators,
        next_poll_at=now + wait * (1 + _SPREAD * jitter),
        visited=now,
        failures=0,
        last_error="",
        title=title,
    )


def after_failure(
    state: PollState, error: FeedError, *, options: FetchOptions, now: datetime, jitter: float
) -> PollState:
    """The state after a failure: validators and title stay. `jitter` is in [0, 1).

    Waits double from `backoff` to `max_backoff`; Retry-After (RFC 9110 section 10.2.3) is obeyed up to a day; a
    feed that is gone (410) waits longest.
    """
    failures = state.failures + 1
    wait = min(options.backoff * 2 ** min(failures - 1, 30), options.max_backoff)
    if isinstance(error, FetchError):
        if error.permanent:
            wait = options.max_backoff
        wait = max(wait, _wished(error, now))
    return replace(
        state,
        next_poll_at=now + max(wait, options.min_interval) * (1 + _SPREAD * jitter),
        failures=failures,
        last_error=str(error),
    )


def _wished(error: FetchError, now: datetime) -> timedelta:
    wish = error.retry_after
    span = wish - now if isinstance(wish, datetime) else wish or timedelta(0)
    return max(timedelta(0), min(span, _LONGEST_RETRY_AFTER))
