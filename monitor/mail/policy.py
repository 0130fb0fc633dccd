"""Compute when a mail is tried again, when it has been tried long enough, and when a mail server is tried again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.errors import SendCause
from monitor.model.mail import Delivery, LimitReached, RelayState, Route

MOST_UNCERTAIN = 3  # attempts whose reply the server loses; after the last the mail rests
LOGIN_PAUSE = timedelta(hours=12)  # between two tries with a login that was refused twice

_SPREAD = 0.1  # of the wait, to either side
_MOST_DOUBLINGS = 10  # of a pause
_LONGEST_RELAY_PAUSE = timedelta(minutes=15)
_LEAST_LIMIT_PAUSE = timedelta(hours=1)
_LOGIN_TRIES = 2  # providers lock an account for a wrong password that is tried again and again
_LAST_TRIES = timedelta(hours=1)  # how long a mail that is too old is still tried
_TRIES_IN_LAST_HOUR = 4


def next_attempt(attempts: int, *, schedule: Sequence[timedelta], now: datetime, jitter: float) -> datetime:
    """Return the instant of the next try after `attempts` (1, 2, ...) have failed.

    `schedule` holds the wait after the first failure, the second, and so on; the last one repeats
    (RFC 5321 4.5.4.1 wants it to grow). `jitter` in [0, 1) moves the wait by up to 10 % either way, so that
    mails put off together do not come back together.
    """
    wait = schedule[min(max(attempts, 1), len(schedule)) - 1]
    return now + wait * (1 - _SPREAD + 2 * _SPREAD * jitter)


def longest_wait(schedule: Sequence[timedelta]) -> timedelta:
    """Return the longest time that a mail which was refused for now waits for its next try."""
    return max(schedule) * (1 + _SPREAD)


def longest_uncertain_pause(pause: timedelta) -> timedelta:
    """Return the longest time that a mail which may have been delivered waits for its next try."""
    factor: int = 2**_MOST_DOUBLINGS
    return factor * pause


def longest_relay_pause(first_pause: timedelta) -> timedelta:
    """Return the longest time that a mail server which takes no mail is spared; a refused login: `LOGIN_PAUSE`."""
    return max(first_pause, _LONGEST_RELAY_PAUSE)


def next_uncertain_attempt(
    uncertain: int, interrupted: int, *, pause: timedelta, now: datetime
) -> datetime | None:
    """Return the instant of the next try of a mail that may have been delivered (RFC 1047); None when it rests.

    `uncertain` counts the attempts whose reply the server lost: `pause` is the wait after the first, four times that
    the wait after the second; there is no fourth attempt. `interrupted` counts those that this machine broke off:
    they double the wait, and do not count as tries.
    """
    if uncertain >= MOST_UNCERTAIN:
        return None
    doublings = 2 * max(uncertain - 1, 0) + interrupted - (0 if uncertain else 1)
    factor: int = 2 ** min(max(doublings, 0), _MOST_DOUBLINGS)
    return now + factor * pause


def tried_at(
    delivery: Delivery, spared: RelayState | None, reached: LimitReached | None = None
) -> datetime | None:
    """Return when a mail is really tried next, at the earliest.

    `spared` is the mail server while that is not tried before later, `reached` the limit that keeps mails from it.
    """
    at = delivery.next_attempt_at
    if at is None or delivery.route is not Route.SMTP:
        return at
    later = spared.next_probe_at if spared else None, reached.until if reached else None
    return max([at, *(each for each in later if each)])


def last_tries(expire: timedelta) -> timedelta:
    """Return how long a mail older than `expire` has to fail, while the machine is awake, before it is given up."""
    return min(_LAST_TRIES, expire / 10)


def pause_of_last_tries(expire: timedelta) -> timedelta:
    """Return the longest pause of a mail older than `expire`.

    So short that a machine which sleeps in between cannot spend the time of its last tries asleep.
    """
    return last_tries(expire) / _TRIES_IN_LAST_HOUR


def after_relay_failure(
    state: RelayState,
    cause: SendCause,
    reason: str,
    *,
    first_pause: timedelta,
    now: datetime,
    most: timedelta,
) -> RelayState:
    """Return the state of a mail server that takes no mail: when it is tried again, with one mail.

    Pauses double from `first_pause` to a quarter of an hour, or to `most` where that is shorter; a login that was
    refused twice in a row is tried again after twelve hours.
    """
    failures = state.failures + 1
    refusals = state.login_refusals + (cause is SendCause.LOGIN)
    longest = max(first_pause, min(_LONGEST_RELAY_PAUSE, most))
    pause = min(first_pause * 2 ** min(failures - 1, _MOST_DOUBLINGS), longest)
    if refusals >= _LOGIN_TRIES:
        pause = LOGIN_PAUSE
    return replace(
        state,
        failures=failures,
        login_refusals=refusals,
        since=state.since or now,
        next_probe_at=now + pause,
        reason=reason,
    )


def after_limit(
    state: RelayState, reason: str, *, window: timedelta, first_attempt: datetime | None, now: datetime
) -> RelayState:
    """Return the state of a mail server that has had enough mails of ours for now, by a limit for so long a time.

    `first_attempt` is the first of the mails that count: when it is as old as the window, there is room for another. We
    may not know all that count, so the server is left alone for an hour at least, or for the whole of a shorter window.
    """
    room_again = (first_attempt or now) + window
    next_probe_at = min(max(room_again, now + min(window, _LEAST_LIMIT_PAUSE)), now + window)
    return replace(
        state,
        failures=state.failures + 1,
        login_refusals=0,
        since=state.since or now,
        next_probe_at=next_probe_at,
        reason=reason,
    )


def after_relay_success(state: RelayState) -> RelayState:
    """Return the state of a mail server that talks about mails again: all that is due goes out."""
    return RelayState(server=state.server, settings=state.settings)
