"""Killed at random, the service mails nobody who has left. bench/leaving.py does the same at length."""

from pathlib import Path

import pytest

from tests.storm.leaving import Plan, play


@pytest.mark.timeout(300)
def test_killed_at_random_it_mails_nobody_who_has_left(tmp_path: Path) -> None:
    outcome = play(Plan(url=f"sqlite:///{tmp_path}/monitor.db", kills=5, seed=1))
    assert outcome.kills == 5
    assert outcome.left
    assert outcome.wrong == []
