"""What feeds do wrong hurts nobody else: some faults that need no waiting. `make faults` plays them all."""

from dataclasses import replace
from pathlib import Path

from tests.faults.fault import FAULTS
from tests.faults.judge import CLEAN, POLITE, READ
from tests.faults.play import play


def test_faulty_feeds_are_asked_politely_and_read_as_promised_and_spoil_no_mail(tmp_path: Path) -> None:
    quick = [replace(fault, every=1.0) for fault in FAULTS if fault.is_quick]
    result = play(tmp_path, quick, least=3.0, most=40.0)
    assert result.failures((POLITE, READ, CLEAN)) == []
