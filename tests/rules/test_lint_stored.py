from datetime import datetime, timedelta

from monitor.rules.lint_stored import lint_stored
from tests.make import NOW, rule

MONTHS_AGO = NOW - timedelta(days=60)


def kinds(count: int, last: datetime, entries: int = 100) -> list[str]:
    found = lint_stored([(rule(), "f1")], {"f1": (count, last)}, entries=entries, since=MONTHS_AGO, now=NOW)
    return [one.kind for one in found]


def test_a_rule_over_two_fifths_of_all_entries_is_broad() -> None:
    assert (kinds(40, NOW), kinds(41, NOW)) == ([], ["broad"])


def test_a_rule_without_a_match_for_thirty_days_is_silent() -> None:
    assert kinds(1, NOW - timedelta(days=29)) == []
    assert kinds(1, NOW - timedelta(days=30)) == ["silent"]
    (never,) = lint_stored([(rule(), "f1")], {}, entries=100, since=MONTHS_AGO, now=NOW)
    assert never.what == "has matched nothing for 60 days"


def test_few_entries_say_nothing() -> None:
    assert kinds(49, MONTHS_AGO, entries=49) == []
