"""Every set of rules that was in force, and since when."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select

from monitor.model.rules import RulesetVersion
from monitor.store.dialects import clean
from monitor.store.tables import digests, rulesets


def record(tx: Connection, *, fingerprint: str, text: str, now: datetime) -> RulesetVersion:
    """These rules are in force: a new version, unless they are word for word the newest one.

    Writers come one after another (engines.py), so no version is given twice and none is left out.
    """
    last = newest(tx)
    if last and (last.fingerprint, last.text) == (fingerprint, clean(text)):
        return last
    version = last.version + 1 if last else 1
    tx.execute(insert(rulesets).values(version=version, at=now, fingerprint=fingerprint, text=text))
    return RulesetVersion(version=version, at=now, fingerprint=fingerprint, text=clean(text))


def newest(tx: Connection) -> RulesetVersion | None:
    """The rules that were last in force; None in a database that has not seen any."""
    row = tx.execute(select(rulesets).order_by(rulesets.c.version.desc()).limit(1)).one_or_none()
    return _version(row) if row else None


def history(tx: Connection) -> list[RulesetVersion]:
    """Every version, the first one first."""
    return [_version(row) for row in tx.execute(select(rulesets).order_by(rulesets.c.version))]


def by_version(tx: Connection, version: int) -> RulesetVersion | None:
    """The version of this number; None when there is none."""
    row = tx.execute(select(rulesets).where(rulesets.c.version == version)).one_or_none()
    return _version(row) if row else None


def by_fingerprint(tx: Connection, fingerprint: str, at: datetime) -> RulesetVersion | None:
    """What a digest made at this instant by rules of this fingerprint was made by; None when it was not kept."""
    query = select(rulesets).where(rulesets.c.fingerprint == fingerprint, rulesets.c.at <= at)
    row = tx.execute(query.order_by(rulesets.c.version.desc()).limit(1)).one_or_none()
    return _version(row) if row else None


def digests_sent(tx: Connection) -> Mapping[int, int]:
    """How many digests to subscriptions were made under each version that made any."""
    under = (
        select(func.max(rulesets.c.version).label("version"))
        .join_from(digests, rulesets, digests.c.ruleset == rulesets.c.fingerprint)
        .where(rulesets.c.at <= digests.c.at, digests.c.subscription != "")
        .group_by(digests.c.id)
        .subquery()
    )
    counted = select(under.c.version, func.count()).group_by(under.c.version)
    return {row[0]: row[1] for row in tx.execute(counted)}


def _version(row: Row[tuple[int, datetime, str, str]]) -> RulesetVersion:
    return RulesetVersion(version=row.version, at=row.at, fingerprint=row.fingerprint, text=row.text)
