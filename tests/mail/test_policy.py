from datetime import timedelta

import pytest

from monitor.errors import SendCause
from monitor.mail.policy import (
    after_relay_failure,
    after_relay_success,
    last_tries,
    next_attempt,
    next_uncertain_attempt,
    pause_of_last_tries,
)
from monitor.model.mail import RelayState
from tests.make import NOW

MINUTE = timedelta(minutes=1)
SCHEDULE = (MINUTE, 5 * MINUTE, 15 * MINUTE)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 15)])
def test_each_failure_has_its_own_wait(attempts: int, minutes: int) -> None:
    assert next_attempt(attempts, schedule=SCHEDULE, now=NOW, jitter=0.5) == NOW + minutes * MINUTE


def test_the_last_wait_repeats() -> None:
    assert next_attempt(40, schedule=SCHEDULE, now=NOW, jitter=0.5) == NOW + 15 * MINUTE


def test_a_mail_never_tried_waits_no_longer_than_one_that_failed_once() -> None:
    assert next_attempt(0, schedule=SCHEDULE, now=NOW, jitter=0.5) == NOW + MINUTE


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 54), (0.25, 57), (0.999999, 66)])
def test_mails_put_off_together_come_back_apart_by_a_tenth_either_way(jitter: float, seconds: int) -> None:
    wait = next_attempt(1, schedule=SCHEDULE, now=NOW, jitter=jitter) - NOW
    assert wait.total_seconds() == pytest.approx(seconds, abs=0.01)


def test_a_schedule_of_no_wait_at_all_tries_again_at_once() -> None:
    assert next_attempt(3, schedule=(timedelta(0),), now=NOW, jitter=0.0) == NOW


@pytest.mark.parametrize(
    ("uncertain", "interrupted", "minutes"),
    [(1, 0, 15), (2, 0, 60), (0, 1, 15), (0, 2, 30), (0, 3, 60), (1, 1, 30), (2, 1, 120), (0, 60, 15 * 1024)],
)
def test_the_pause_grows_with_each_lost_reply_and_each_interruption(
    uncertain: int, interrupted: int, minutes: int
) -> None:
    again = next_uncertain_attempt(uncertain, interrupted, pause=15 * MINUTE, now=NOW)
    assert again == NOW + minutes * MINUTE


def test_after_the_third_lost_reply_a_mail_rests() -> None:
    assert next_uncertain_attempt(3, 0, pause=15 * MINUTE, now=NOW) is None
    assert next_uncertain_attempt(3, 5, pause=15 * MINUTE, now=NOW) is None


@pytest.mark.parametrize(("expire", "minutes"), [(48 * 60, 60), (120, 12), (600, 60)])
def test_the_last_tries_take_an_hour_or_a_tenth_of_what_it_took_to_expire(expire: int, minutes: int) -> None:
    assert last_tries(expire * MINUTE) == minutes * MINUTE
    assert pause_of_last_tries(expire * MINUTE) == minutes * MINUTE / 4


def relay_pauses(cause: SendCause, count: int, most: timedelta = timedelta.max) -> list[float]:
    state, pauses = RelayState(server="s", settings="1"), []
    for _ in range(count):
        state = after_relay_failure(state, cause, "no", first_pause=MINUTE, now=NOW, most=most)
        assert state.next_probe_at
        pauses.append((state.next_probe_at - NOW) / MINUTE)
    assert state.since == NOW
    return pauses


def test_the_pauses_of_a_server_double_up_to_a_quarter_of_an_hour() -> None:
    assert relay_pauses(SendCause.RELAY, 7) == [1, 2, 4, 8, 15, 15, 15]


def test_a_mail_in_its_last_tries_asks_more_often() -> None:
    assert relay_pauses(SendCause.RELAY, 4, 3 * MINUTE) == [1, 2, 3, 3]
    assert relay_pauses(SendCause.RELAY, 4, MINUTE / 2) == [1, 1, 1, 1], (
        "never sooner than [outbox] retry says"
    )


def test_a_login_refused_twice_is_left_for_half_a_day_whatever_fails_in_between() -> None:
    assert relay_pauses(SendCause.LOGIN, 3) == [1, 720, 720]
    state = RelayState(server="s", settings="1")
    for cause in (SendCause.LOGIN, SendCause.RELAY, SendCause.LOGIN):
        state = after_relay_failure(state, cause, "no", first_pause=MINUTE, now=NOW, most=timedelta.max)
    assert state.next_probe_at == NOW + 720 * MINUTE


def test_a_server_that_works_has_no_past() -> None:
    state = RelayState(server="s", settings="1", failures=3, login_refusals=2, since=NOW, next_probe_at=NOW)
    assert after_relay_success(state) == RelayState(server="s", settings="1")
