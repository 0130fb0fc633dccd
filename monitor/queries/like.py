"""Propose a rule for an article, and list which of the stored entries it would find."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.model.feeds import Entry
from monitor.rules.like.propose import Proposal, propose
from monitor.rules.match import Ruleset, compile_rules, match_entry
from monitor.store import entries
from monitor.store.database import Connection, Database

_WEIGHED = 5_000  # entries: the newest tell what every kind of news says nowadays


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A stored entry that the proposed rule finds."""

    seq: int
    entry: Entry
    words: tuple[str, ...]  # of the proposed rule
    known: bool  # the rules in force find it, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Liked:
    """The rule for an article, held against the stored entries: how many they are, and which it finds, newest first."""

    proposal: Proposal
    entries: int
    alike: tuple[Alike, ...]


async def like(article: Entry, *, rules: Ruleset, taken: Collection[str], db: Database | None) -> Liked:
    """The rule for an article, weighed against the newest stored entries. Stores nothing. Raises StoreError.

    Without `db` the shipped table alone says what is common. `taken` are names the rule may not have.
    """
    stored = await db.read(_newest) if db else []
    return await asyncio.to_thread(_like, article, stored, rules, taken)


def _newest(tx: Connection) -> list[tuple[int, Entry]]:
    newest = entries.newest_seq(tx)
    return entries.news(tx, after=newest - _WEIGHED, upto=newest, limit=_WEIGHED)


def _like(
    article: Entry, stored: Sequence[tuple[int, Entry]], rules: Ruleset, taken: Collection[str]
) -> Liked:
    others = [(seq, entry) for seq, entry in stored if not _same(entry, article)]
    proposal = propose(article, [entry for _, entry in others], rules, taken)
    proposed = compile_rules([proposal.rule] if proposal.words else [], [])
    alike = [
        Alike(
            seq=seq,
            entry=entry,
            words=tuple(dict.fromkeys(hit.word for hit in match.hits)),
            known=bool(match_entry(entry, rules)),
        )
        for seq, entry in reversed(others)
        for match in match_entry(entry, proposed)
    ]
    return Liked(proposal=proposal, entries=len(others), alike=tuple(alike))


def _same(entry: Entry, article: Entry) -> bool:
    return entry.story == article.story or (bool(article.link) and entry.link == article.link)
