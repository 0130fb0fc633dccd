"""Disturbed at random, the service loses nothing and repeats nothing. bench/storm.py does the same at length."""

from pathlib import Path

import pytest

from tests.storm.play import storm
from tests.storm.world import Options


@pytest.mark.timeout(300)
def test_disturbed_at_random_it_loses_nothing_and_repeats_only_what_could_not_be_known(
    tmp_path: Path,
) -> None:
    options = Options(disturbances=6, seed=8, kinds=("kill",), burst=20, interval=1.5, timed=False)
    result = storm(tmp_path, options)
    assert result.is_good, f"{result.as_json()}: see {result.evidence}"
