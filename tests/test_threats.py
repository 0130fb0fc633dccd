"""Each claim of docs/threats.md names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parent
PAGE = ROOT.parent / "docs" / "threats.md"


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE.read_text("utf-8"))
    assert len(named) > 25
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or not re.search(rf"def {name}\(", (ROOT / file).read_text("utf-8"))
    ]
    assert missing == []


def test_every_row_of_an_attack_names_a_test() -> None:
    rows = [
        line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ") and "---" not in line
    ]
    attacks = [row for row in rows if not row.startswith(("| attack ", "| mistake "))]
    assert [row for row in attacks if "::test_" not in row] == []
