"""Disturbed at random, the service loses nothing and repeats nothing. bench/storm.py does the same at length."""

from pathlib import Path

import pytest

from tests.storm.play import storm
from tests.storm.world import Options

_KINDS = ("kill", "term", "suspend", "config", "login", "sender", "database", "log", "relay", "network")


@pytest.mark.timeout(300)
def test_disturbed_at_random_it_loses_nothing_and_repeats_only_what_could_not_be_known(
    tmp_path: Path,
) -> None:
    options = Options(disturbances=10, seed=8, kinds=_KINDS, burst=300, timed=False, late_copies=6.0)
    result = storm(tmp_path, options)
    assert result.is_good, f"{result.as_json()}: see {result.evidence}"
