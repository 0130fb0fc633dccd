from datetime import timedelta

import pytest

from monitor.mail.policy import next_attempt, next_uncertain_attempt
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


@pytest.mark.parametrize(("uncertain", "minutes"), [(0, 15), (1, 30), (2, 60), (10, 15 * 1024)])
def test_the_pause_after_a_lost_reply_doubles(uncertain: int, minutes: int) -> None:
    assert next_uncertain_attempt(uncertain, pause=15 * MINUTE, now=NOW) == NOW + minutes * MINUTE


def test_the_pause_after_very_many_lost_replies_stays_in_the_calendar() -> None:
    assert next_uncertain_attempt(60, pause=15 * MINUTE, now=NOW) == NOW + 15 * 1024 * MINUTE
