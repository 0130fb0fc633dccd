"""Find the rules that the stored matches show to let through nearly everything, or nothing for long."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.config.options import Rule
from monitor.rules.lint import Finding
from monitor.rules.lint_checks import FindingKind
from monitor.rules.match import Ruleset
from monitor.store import entries, matches
from monitor.store.database import Connection, Database
from monitor.texts import sentence

LOOKED_BACK = timedelta(days=90)
TOO_MUCH = 0.4  # of all entries
FEW = 50  # entries: fewer say nothing about a rule
SILENT = timedelta(days=30)


async def judge_stored(
    rules: Ruleset, *, since: datetime, now: datetime, db: Database
) -> tuple[Finding, ...]:
    """Return findings about the rules in force, from the stored matches of news first seen since an instant.

    A rule edited a moment ago has matches only among entries that were judged since (rematch.py), so entries
    count from the first one that these very rules have judged. Raises StoreError.
    """
    return await db.read(_judge, rules, since, now)


def _judge(tx: Connection, rules: Ruleset, since: datetime, now: datetime) -> tuple[Finding, ...]:
    first = entries.first_judged(tx, rules.fingerprint, since)
    if first is None:
        return ()
    seq, at = first
    return lint_stored(
        [(compiled.rule, compiled.fingerprint) for compiled in rules.rules],
        matches.tally(tx, seq - 1),
        entries=entries.count_news(tx, seq - 1, entries.newest_seq(tx)),
        since=at,
        now=now,
    )


def lint_stored(
    rules: Sequence[tuple[Rule, str]],
    tally: Mapping[str, tuple[int, datetime]],
    *,
    entries: int,
    since: datetime,
    now: datetime,
    silent: timedelta = SILENT,
) -> tuple[Finding, ...]:
    """Return findings of kind BROAD and SILENT, in the order of the rules, which come with their fingerprints.

    `tally` has for each fingerprint how many of the `entries` kept since an instant it matched, and when the last
    of them was first seen.
    """
    findings = []
    for rule, fingerprint in rules:
        count, last = tally.get(fingerprint, (0, since))
        if entries >= FEW and count > entries * TOO_MUCH:
            values = {"count": count, "entries": entries, "share": count / entries}
            what = sentence("lets through {count} of {entries} entries ({share:.0%})", **values)
            fix = sentence("take out the widest word, or ask for a second one with all")
            findings.append(_finding(FindingKind.BROAD, rule, what, fix))
        if entries >= FEW and now - last >= silent:
            what = sentence("has matched nothing for {days} days", days=(now - last).days)
            fix = sentence('look at a text that should match with "monitor match", or set enabled = false')
            findings.append(_finding(FindingKind.SILENT, rule, what, fix))
    return tuple(findings)


def _finding(kind: FindingKind, rule: Rule, what: str, fix: str) -> Finding:
    return Finding(kind=kind, table="rules", rule=rule.name, key="name", word=rule.name, what=what, fix=fix)
