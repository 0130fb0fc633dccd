"""Table rulesets: every ruleset that was in force, and since when."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select

from monitor.model.digests import DigestKind
from monitor.model.rules import RulesetVersion
from monitor.store.dialects import clean
from monitor.store.tables import digests, rulesets


def record(tx: Connection, *, fingerprint: str, text: str, now: datetime) -> RulesetVersion:
    """Record that these rules are in force; return their version, a new one unless the newest has the same text.

    Writers come one after another (engines.py), so no version is given twice and none is left out.
    """
    last = newest(tx)
    if last and (last.fingerprint, last.text) == (fingerprint, clean(text)):
        return last
    version = last.version + 1 if last else 1
    tx.execute(insert(rulesets).values(version=version, at=now, fingerprint=fingerprint, text=text))
    return RulesetVersion(version=version, at=now, fingerprint=fingerprint, text=clean(text))


def newest(tx: Connection) -> RulesetVersion | None:
    """Return the version last in force; None in a database without any."""
    row = tx.execute(select(rulesets).order_by(rulesets.c.version.desc()).limit(1)).one_or_none()
    return _version(row) if row else None


def history(tx: Connection) -> list[RulesetVersion]:
    """Return every version, in order."""
    return [_version(row) for row in tx.execute(select(rulesets).order_by(rulesets.c.version))]


def by_version(tx: Connection, version: int) -> RulesetVersion | None:
    """Return the version of this number; None when there is none."""
    row = tx.execute(select(rulesets).where(rulesets.c.version == version)).one_or_none()
    return _version(row) if row else None


def digests_sent(tx: Connection) -> Mapping[int, int]:
    """Return the count of digests made under each version that made any."""
    versions = (
        select(func.max(rulesets.c.version).label("version"))
        .join_from(digests, rulesets, digests.c.ruleset == rulesets.c.fingerprint)
        .where(rulesets.c.at <= digests.c.at, digests.c.kind == DigestKind.DIGEST.value)
        .group_by(digests.c.id)
        .subquery()
    )
    counted = select(versions.c.version, func.count()).group_by(versions.c.version)
    return {row[0]: row[1] for row in tx.execute(counted)}


def _version(row: Row[tuple[int, datetime, str, str]]) -> RulesetVersion:
    return RulesetVersion(version=row.version, at=row.at, fingerprint=row.fingerprint, text=row.text)
