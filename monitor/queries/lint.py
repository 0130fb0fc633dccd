"""What do the stored matches say of the rules: does one let through nearly everything, or nothing?"""

from datetime import datetime, timedelta

from monitor.config.options import Rule
from monitor.rules.lint import Finding
from monitor.rules.lint_stored import lint_stored
from monitor.rules.match import Ruleset
from monitor.store import entries, matches
from monitor.store.database import Connection, Database

LOOKED_BACK = timedelta(days=90)


async def judge_stored(
    rules: Ruleset, *, since: datetime, now: datetime, db: Database
) -> tuple[Finding, ...]:
    """Findings about the rules in force, from the matches kept of what was first seen since an instant.

    A rule edited a moment ago has matches only where it was asked (rematch.py), so entries count from the first
    one that these very rules have judged. Raises StoreError.
    """
    return await db.read(_judge, rules, since, now)


def _judge(tx: Connection, rules: Ruleset, since: datetime, now: datetime) -> tuple[Finding, ...]:
    first = entries.first_judged(tx, rules.fingerprint, since)
    if first is None:
        return ()
    seq, at = first
    asked: list[tuple[Rule, str]] = [(one.rule, one.fingerprint) for one in rules.rules]
    return lint_stored(
        asked,
        matches.tally(tx, seq - 1),
        entries=entries.count_news(tx, seq - 1, entries.newest_seq(tx)),
        since=at,
        now=now,
    )
