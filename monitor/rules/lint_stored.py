"""Which rules let through nearly everything, and which have had nothing for long?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.config.options import Rule
from monitor.rules.lint import Finding

TOO_MUCH = 0.4  # of all entries
FEW = 50  # entries: fewer say nothing about a rule
SILENT = timedelta(days=30)


def lint_stored(
    rules: Sequence[tuple[Rule, str]],
    tally: Mapping[str, tuple[int, datetime]],
    *,
    entries: int,
    since: datetime,
    now: datetime,
    silent: timedelta = SILENT,
) -> tuple[Finding, ...]:
    """Findings of kind "broad" and "silent", in the order of the rules, which come with their fingerprints.

    `tally` says of each fingerprint how many of the `entries` kept since an instant it matched, and when the
    last of them was first seen.
    """
    found = []
    for rule, fingerprint in rules:
        count, last = tally.get(fingerprint, (0, since))
        if entries >= FEW and count > entries * TOO_MUCH:
            what = f"lets through {count} of {entries} entries ({count / entries:.0%})"
            fix = "take out the widest word, or ask for a second one with all"
            found.append(_finding("broad", rule, what, fix))
        if entries >= FEW and now - last >= silent:
            days = (now - last).days
            fix = 'look at a text that should match with "monitor match", or set enabled = false'
            found.append(_finding("silent", rule, f"has matched nothing for {days} days", fix))
    return tuple(found)


def _finding(kind: str, rule: Rule, what: str, fix: str) -> Finding:
    return Finding(kind=kind, table="rules", rule=rule.name, key="name", word=rule.name, what=what, fix=fix)
