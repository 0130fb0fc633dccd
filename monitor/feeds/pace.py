"""Compute a feed's next poll time and failure state from the answer it gave, and read its headers (RFC 9110, 9111)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import urlsplit

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError, FetchError, ParseError
from monitor.model.feeds import FailureKind, FeedSettings, PollState, Validators

_LONGEST_FRESH = timedelta(hours=5)  # a max-age of 16 years must not silence a feed
_LONGEST_RETRY_AFTER = timedelta(days=1)
_SPREAD = 0.1  # of a wait: so that feeds begun together drift apart
# A network that was away all night must not cost the morning's digest its news.
_LONGEST_WITHOUT_CONNECTION = timedelta(minutes=30) / (1 + _SPREAD)
_AFTER_OUTAGE = timedelta(minutes=1)  # over which feeds that could not be reached are spread
_LONGEST_VALIDATOR = 1024  # characters: a longer one is not worth sending back for ever
_MOST_SECONDS = 10**9


def after_answer(
    state: PollState,
    *,
    feed: Feed,
    validators: Validators,
    title: str,
    max_age: timedelta | None,
    content_hash: str = "",
    options: FetchOptions,
    now: datetime,
    jitter: float,
) -> PollState:
    """Return the state after a good answer, 304 included. `jitter` is in [0, 1).

    The next visit is after the feed's `every`, not before [fetch] min_interval, and not before the answer stops
    being fresh (`max_age`, RFC 9111 section 4.2), up to five hours.
    """
    fresh = min(max_age or timedelta(0), _LONGEST_FRESH)
    wait = max(feed.every, options.min_interval, fresh)
    return replace(
        state,
        validators=validators,
        next_poll_at=now + wait * (1 + _SPREAD * jitter),
        visited=now,
        attempted_at=now,
        failures=0,
        last_error="",
        failed_by=FailureKind.NONE,
        retry_after=None,
        title=title,
        content_hash=content_hash,
    )


def after_failure(
    state: PollState, error: FeedError, *, options: FetchOptions, now: datetime, jitter: float
) -> PollState:
    """Return the state after a failure; validators and title stay. `jitter` is in [0, 1).

    Waits double from `backoff` to `max_backoff`, without a connection to half an hour at most; Retry-After (RFC 9110
    section 10.2.3) counts up to a day; a feed that is gone (410) waits longest. A network that was away says nothing
    about the feed: the first answer after it begins the count of failures anew.
    """
    failed_by = _failure_kind(error)
    begins = state.failed_by is FailureKind.CONNECTION is not failed_by
    failures = 1 if begins else state.failures + 1
    wait = min(options.backoff * 2 ** min(failures - 1, 23), options.max_backoff)
    if failed_by is FailureKind.CONNECTION:
        wait = min(wait, _LONGEST_WITHOUT_CONNECTION)
    requested = timedelta(0)
    if isinstance(error, FetchError):
        if error.permanent:
            wait = options.max_backoff
        requested = _requested_wait(error, now)
        wait = max(wait, requested)
    return replace(
        state,
        next_poll_at=now + max(wait, options.min_interval) * (1 + _SPREAD * jitter),
        attempted_at=now,
        failures=failures,
        last_error=str(error),
        failed_by=failed_by,
        retry_after=now + requested if requested else None,
    )


def longest_pause(feeds: Sequence[Feed], options: FetchOptions) -> timedelta:
    """Return the longest time that any of these feeds may wait for its next poll."""
    waits = [feed.every for feed in feeds]
    limits = options.min_interval, options.max_backoff, _LONGEST_FRESH, _LONGEST_RETRY_AFTER
    return max([*waits, *limits]) * (1 + _SPREAD)


def settings_of(feed: Feed, options: FetchOptions) -> FeedSettings:
    """Return what an edit may change about the polls of a feed."""
    host = urlsplit(feed.url).netloc.rpartition("@")[2].lower()
    limits = (options.allow_private, options.timeout, options.max_bytes, options.backoff, options.max_backoff)
    return FeedSettings(
        reach=f"{host} {_hashed((feed.url, feed.proxy or options.proxy, *_request_of(feed)))}",
        limits=_hashed(limits),
        interval=max(feed.every, options.min_interval),
    )


def _request_of(feed: Feed) -> tuple[object, ...]:
    """Return what a feed's requests have of their own; () for most, whose hash is that of earlier versions."""
    request = (feed.user_agent, feed.headers, feed.username, feed.password_file)
    return request if any(request) else ()


def after_edit(state: PollState, before: FeedSettings, after: FeedSettings, *, now: datetime) -> PollState:
    """Return the state after an edit: due at once where it concerns a feed, but for the server's Retry-After.

    An edit concerns a feed that is reached in another way, and a failing one whose limits are others. Another interval
    moves the next visit, which stays as late as the server wants (`max_age`).
    """
    if not before.reach:
        return state
    due = state.next_poll_at
    if state.failures and before.limits != after.limits:
        due = min(due, now)
    elif not state.failures and before.interval != after.interval:
        due = _moved(state, before.interval, after.interval)
    retry_after = state.retry_after
    if before.reach != after.reach:
        due = min(due, now)
        if before.reach.partition(" ")[0] != after.reach.partition(" ")[0]:
            retry_after = None  # it was another host's
    if retry_after:
        due = max(due, min(retry_after, now + _LONGEST_RETRY_AFTER))
    return replace(state, next_poll_at=due, retry_after=retry_after)


def _moved(state: PollState, before: timedelta, after: timedelta) -> datetime:
    """Return the next visit after another interval; one that the server put off comes no sooner."""
    if state.visited is None or not before:
        return state.next_poll_at
    waited = state.next_poll_at - state.visited
    if before <= waited <= before * (1 + _SPREAD):
        return state.visited + after * (waited / before)
    return max(state.next_poll_at, state.visited + after)


def _hashed(values: object) -> str:
    return sha256(repr(values).encode("utf-8", "replace")).hexdigest()[:32]


def network_returned(before: PollState, after: PollState) -> bool:
    """Return whether a feed has answered, well or not, that could not be reached the time before."""
    return before.failed_by is FailureKind.CONNECTION and after.failed_by is not FailureKind.CONNECTION


def polls_after_outage(answered: str, unreachable: Sequence[str], now: datetime) -> dict[str, datetime]:
    """Return when the feeds `unreachable` (urls) are polled, now that the feed `answered` can be reached again.

    They are spread over a minute. Where only one host was away, the network was not, and the answer is empty.
    """
    hosts = {urlsplit(url).hostname for url in [answered, *unreachable]}
    if len(hosts) < 2:
        return {}
    return {url: now + _AFTER_OUTAGE * place / len(unreachable) for place, url in enumerate(unreachable)}


def conditional_headers(validators: Validators) -> dict[str, str]:
    """Return the request headers that ask for the document only if it has changed (RFC 9110 section 13.1)."""
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in headers.items() if value}


def read_validators(headers: Mapping[str, str], previous: Validators) -> Validators:
    """Return the validators of an answer, byte for byte; where a header is missing, the previous one.

    One that cannot be sent back (too long, not printable ASCII) is "".
    """

    def usable(name: str, previous_value: str) -> str:
        value = headers.get(name, previous_value)
        return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""

    return Validators(
        etag=usable("ETag", previous.etag), last_modified=usable("Last-Modified", previous.last_modified)
    )


def read_max_age(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server calls its answer fresh (RFC 9111 section 5.2.2.1); None if it does not say."""
    for directive in headers.get("Cache-Control", "").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and _is_number(value):
            return _seconds(value)
    return None


def read_retry_after(headers: Mapping[str, str]) -> timedelta | datetime | None:
    """Return Retry-After as a span or a UTC instant (RFC 9110 section 10.2.3); None if missing or malformed."""
    value = headers.get("Retry-After", "").strip()
    return _seconds(value) if _is_number(value) else _http_date(value)


def read_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the time by the server's clock, Date and Age (RFC 9110 section 6.6.1); None if missing or malformed."""
    date, age = _http_date(headers.get("Date", "").strip()), headers.get("Age", "").strip()
    try:
        return date + _seconds(age) if date and _is_number(age) else date
    except OverflowError:
        return None


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _failure_kind(error: FeedError) -> FailureKind:
    if isinstance(error, FetchError) and error.connection:
        return FailureKind.CONNECTION
    if isinstance(error, ParseError) and error.broke_parser:
        return FailureKind.PARSER
    return FailureKind.ANSWER


def _requested_wait(error: FetchError, now: datetime) -> timedelta:
    requested = error.retry_after
    wait = requested - now if isinstance(requested, datetime) else requested or timedelta(0)
    return max(timedelta(0), min(wait, _LONGEST_RETRY_AFTER))


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _seconds(value: str) -> timedelta:
    return timedelta(seconds=min(int(value[:12]), _MOST_SECONDS))
