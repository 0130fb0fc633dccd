"""Killed at random moments, the service loses nothing. bench/storm.py does the same at length."""

from pathlib import Path

import pytest

from tests.storm import storm


@pytest.mark.timeout(300)
def test_killed_again_and_again_it_loses_nothing_and_repeats_only_what_was_in_flight(tmp_path: Path) -> None:
    damage = storm(tmp_path, kills=8, seed=8)
    assert (damage.lost, damage.repeated, damage.unequal_copies) == (0, 0, 0), str(damage)
    assert damage.copies <= damage.kills, str(damage)
