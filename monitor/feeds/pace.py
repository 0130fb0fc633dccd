"""Compute a feed's next poll time and failure state from the answer it gave, and read its headers (RFC 9110, 9111)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import urlsplit

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds import rhythm
from monitor.feeds.rhythm import SPREAD, Demand, read_rhythm
from monitor.model.address import is_opened
from monitor.model.feeds import FailureKind, FeedSettings, ParsedFeed, PollState, Validators

_LONGEST_FRESH = timedelta(hours=5)  # a max-age of 16 years must not silence a feed
_LONGEST_RETRY_AFTER = timedelta(days=1)
_OVERLOADED = (429, 503)
# After these, where the server does not say until when.
_LEAST_REST, _MOST_REST = timedelta(minutes=10), timedelta(hours=2)
# A server that says 304 whatever it has must not silence a feed for ever.
_LONGEST_WITHOUT_DOCUMENT = timedelta(days=8)
# A network that was away all night must not cost the morning's digest its news.
_LONGEST_WITHOUT_CONNECTION = timedelta(minutes=30) / (1 + SPREAD)
_AFTER_OUTAGE = timedelta(minutes=1)  # over which feeds that could not be reached are spread
_LONGEST_VALIDATOR = 1024  # characters: a longer one is not worth sending back for ever
_MOST_SECONDS = 10**9
_DIRECTIVE = re.compile(r'([^\s,=]+)(?:=("[^"]*"|[^,]*))?')  # of Cache-Control (RFC 9111 section 5.2)


def after_answer(
    state: PollState,
    *,
    feed: Feed,
    validators: Validators,
    parsed: ParsedFeed | None,
    is_news: bool,
    max_age: timedelta | None,
    demand: Demand,
    is_document: bool,
    content_hash: str = "",
    date: datetime | None = None,
    options: FetchOptions,
    now: datetime,
    jitter: float,
) -> PollState:
    """Return the state after a good answer; `parsed` is None for a 304, and for the bytes of the last document again.

    `jitter` is in [0, 1). `is_document` is whether it was no 304, `is_news` whether it brought a new entry. The next
    visit is after the feed's `every`, or as its rhythm and `demand` want it, not before [fetch] min_interval, and not
    before the answer stops being fresh (`max_age`, RFC 9111 section 4.2), up to five hours. `date` is the time by the
    server's clock.
    """
    fresh = min(max_age or timedelta(0), _LONGEST_FRESH) * (1 + SPREAD * jitter)
    if parsed:
        state = _with_document(state, parsed, now, is_news=is_news)
    due = _next_visit(state, feed, demand, options, asked=now, now=now, jitter=jitter)
    return replace(
        state,
        next_poll_at=max(due, now + fresh),
        validators=validators,
        visited=now,
        attempted_at=now,
        failures=0,
        last_error="",
        failed_by=FailureKind.NONE,
        failing_since=None,
        failing_for=timedelta(0),
        others_at=None,
        ahead=date - now if date else None,
        retry_after=None,
        content_hash=content_hash,
        document_at=now if is_document else state.document_at,
        fresh_until=now + fresh if fresh else None,
    )


def _with_document(state: PollState, parsed: ParsedFeed, now: datetime, *, is_news: bool) -> PollState:
    dates = [entry.published for entry in parsed.entries]
    read = read_rhythm(dates)
    changed_at = now if is_news or state.changed_at is None else state.changed_at
    if read and state.changed_at is None:  # the first document: its news may be old
        changed_at = min(now, max(date for date in dates if date))
    return replace(state, title=parsed.title, changed_at=changed_at, rhythm=read, hints=parsed.hints)


def _next_visit(
    state: PollState,
    feed: Feed,
    demand: Demand,
    options: FetchOptions,
    *,
    asked: datetime,
    now: datetime,
    jitter: float,
) -> datetime:
    """Return when a feed that was asked last at `asked` is due by its `every`."""
    least = options.min_interval
    if isinstance(feed.every, timedelta):
        return asked + max(feed.every, least) * (1 + SPREAD * jitter)
    return rhythm.next_visit(state, demand, asked=asked, now=now, least=least, jitter=jitter)


def interval_of(
    state: PollState, feed: Feed, demand: Demand, options: FetchOptions, now: datetime
) -> timedelta:
    """Return how long a feed waits between two visits, by its `every` or, with "auto", by its rhythm as of now."""
    every = feed.every if isinstance(feed.every, timedelta) else rhythm.interval(state, demand, now)
    return max(every, options.min_interval)


def after_failure(
    state: PollState, error: FeedError, *, options: FetchOptions, now: datetime, jitter: float
) -> PollState:
    """Return the state after a failure; validators and title stay. `jitter` is in [0, 1).

    Waits double from `backoff` to `max_backoff`, without a connection to half an hour at most; Retry-After (RFC 9110
    section 10.2.3) counts up to a day. A server that is overloaded (429, 503) and does not say until when is left alone
    for 10 minutes to 2 hours, though no longer than `max_backoff`; a feed that is gone (410) waits longest. A network
    that was away says nothing about the feed: the first answer after it begins the count of failures anew.
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
        if error.status in _OVERLOADED and not requested:
            rest = _LEAST_REST + (_MOST_REST - _LEAST_REST) * jitter
            wait = max(wait, min(rest, options.max_backoff))
        wait = max(wait, requested)
    return replace(
        state,
        next_poll_at=now + max(wait, options.min_interval) * (1 + SPREAD * jitter),
        attempted_at=now,
        failures=failures,
        last_error=error.text,
        failed_by=failed_by,
        retry_after=now + requested if requested else None,
    )


def longest_pause(feeds: Sequence[Feed], options: FetchOptions) -> timedelta:
    """Return the longest time that any of these feeds may wait for its next poll."""
    waits = [feed.every if isinstance(feed.every, timedelta) else rhythm.LONGEST for feed in feeds]
    limits = options.min_interval, options.max_backoff, _LONGEST_FRESH, _LONGEST_RETRY_AFTER
    return max([*waits, *limits]) * (1 + SPREAD)


def settings_of(feed: Feed, options: FetchOptions, demand: str) -> FeedSettings:
    """Return what an edit may change about the polls of a feed; `demand` says who waits for its news, in any text."""
    host = host_and_port(feed.url)
    every = feed.every if isinstance(feed.every, timedelta) else None
    limits = (options.allow_private, options.timeout, options.max_bytes, options.backoff, options.max_backoff)
    return FeedSettings(
        reach=f"{host} {_hashed((feed.url, feed.proxy or options.proxy, *_request_of(feed)))}",
        limits=_hashed(limits),
        interval=max(every or timedelta(0), options.min_interval),
        demand="" if every is not None else _hashed(demand),
    )


def _request_of(feed: Feed) -> tuple[object, ...]:
    """Return what a feed's requests have of their own; () for most, whose hash is that of earlier versions."""
    request = (feed.user_agent, feed.headers, feed.username, feed.password_file)
    return request if any(request) else ()


def after_edit(
    state: PollState,
    before: FeedSettings,
    after: FeedSettings,
    *,
    feed: Feed,
    demand: Demand,
    options: FetchOptions,
    now: datetime,
) -> PollState:
    """Return the state after an edit: due at once where it concerns a feed, but for the server's Retry-After.

    An edit concerns a feed that is reached in another way, and a failing one whose limits are others. Another interval,
    and with "auto" other times of digests, move the next visit, which stays as late as the server wants (`max_age`).
    """
    if not before.reach:
        return state
    due = state.next_poll_at
    if state.failures and before.limits != after.limits:
        due = min(due, now)
    elif not state.failures and (before.interval, before.demand) != (after.interval, after.demand):
        due = _moved(state, before, after, feed, demand, options, now)
    retry_after = state.retry_after
    if before.reach != after.reach:
        due = min(due, now)
        if before.reach.partition(" ")[0] != after.reach.partition(" ")[0]:
            retry_after = None  # it was another host's
    if retry_after:
        due = max(due, min(retry_after, now + _LONGEST_RETRY_AFTER))
    return replace(state, next_poll_at=due, retry_after=retry_after)


def _moved(
    state: PollState,
    before: FeedSettings,
    after: FeedSettings,
    feed: Feed,
    demand: Demand,
    options: FetchOptions,
    now: datetime,
) -> datetime:
    """Return the next visit after another interval; one that the server put off comes no sooner."""
    if state.visited is None or not before.interval:
        return state.next_poll_at
    if before.demand or after.demand:
        # The same place among the other feeds, however often that is reckoned.
        jitter = int(_hashed((state.feed_url, state.visited)), 16) / 16**32
        due = _next_visit(state, feed, demand, options, asked=state.visited, now=now, jitter=jitter)
        return max(due, min(state.fresh_until or due, now + _LONGEST_FRESH))
    waited = state.next_poll_at - state.visited
    if before.interval <= waited <= before.interval * (1 + SPREAD):
        return state.visited + after.interval * (waited / before.interval)
    return max(state.next_poll_at, state.visited + after.interval)


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


def host_of(url: str, options: FetchOptions) -> str:
    """Return the host that is spared for all of its feeds together; "" for one that [fetch] allow_private opens.

    That is the operator's own: nobody minds there, and behind one address may be many servers.
    """
    return "" if is_opened(urlsplit(url).hostname or "", options.allow_private) else host_and_port(url)


def host_and_port(url: str) -> str:
    """Return what counts as one host: the name in small letters, and the port where the url has one."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def rests_with_its_host(error: FeedError, state: PollState) -> bool:
    """Return whether a failure, after which the state is `state`, may mean every feed of its host (429, 503)."""
    return isinstance(error, FetchError) and error.status in _OVERLOADED and state.retry_after is not None


def validators_to_send(state: PollState, now: datetime) -> Validators:
    """Return the validators for the next request: none when the last document came more than 8 days ago."""
    if state.document_at is None or now - state.document_at > _LONGEST_WITHOUT_DOCUMENT:
        return Validators()
    return state.validators


def conditional_headers(validators: Validators) -> dict[str, str]:
    """Return the request headers that ask for the document only if it has changed (RFC 9110 section 13.1)."""
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in headers.items() if value}


def read_validators(headers: Mapping[str, str], previous: Validators) -> Validators:
    """Return the validators of an answer, byte for byte; where a header is missing, the previous one of its url.

    One that cannot be sent back (too long, not printable ASCII) is "".
    """

    def usable(name: str, previous_value: str) -> str:
        value = headers.get(name, previous_value)
        return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""

    return Validators(
        etag=usable("ETag", previous.etag),
        last_modified=usable("Last-Modified", previous.last_modified),
        url=previous.url,
    )


def read_max_age(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server calls its answer fresh (RFC 9111 section 4.2.1); None if it does not say.

    That is max-age of Cache-Control, else the time from Date to Expires, unless Cache-Control says not to keep it.
    """
    directives = [
        (name.lower(), value.strip().strip('"'))
        for name, value in _DIRECTIVE.findall(headers.get("Cache-Control", ""))
    ]
    for name, value in directives:
        if name == "max-age" and _is_number(value):
            return _seconds(value)
    if "Expires" not in headers or any(name in ("no-cache", "no-store", "max-age") for name, _ in directives):
        return None
    date, expires = (_http_date(headers.get(name, "").strip()) for name in ("Date", "Expires"))
    return expires - date if date and expires and expires > date else None


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
