"""Propose a rule for an article, and list which of the stored entries it would find."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.model.feeds import Entry
from monitor.rules.like.propose import Proposal, propose
from monitor.rules.match import Ruleset, compile_rules, match_entry
from monitor.store import entries
from monitor.store.database import Connection, Database

_NEWEST = 5_000  # entries: they tell which words every kind of news has nowadays


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntry:
    """A stored entry that the proposed rule matches."""

    seq: int
    entry: Entry
    words: tuple[str, ...]  # of the proposed rule
    matched_already: bool  # by the rules in force


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProposal:
    """The rule proposed for an article, tested against stored entries."""

    proposal: Proposal
    entries: int  # tested against
    found: tuple[FoundEntry, ...]  # the newest first


async def like(
    article: Entry, *, rules: Ruleset, taken: Collection[str], db: Database | None
) -> CheckedProposal:
    """Propose a rule for an article, and test it against the newest stored entries. Stores nothing.

    Without `db` the shipped table alone says which words are common. `taken` are names the rule may not have.
    Raises StoreError.
    """
    stored = await db.read(_newest_news) if db else []
    return await asyncio.to_thread(_propose_and_check, article, stored, rules, taken)


def _newest_news(tx: Connection) -> list[tuple[int, Entry]]:
    newest = entries.newest_seq(tx)
    return entries.news(tx, after=newest - _NEWEST, upto=newest, limit=_NEWEST)


def _propose_and_check(
    article: Entry, stored: Sequence[tuple[int, Entry]], rules: Ruleset, taken: Collection[str]
) -> CheckedProposal:
    compared = [(seq, entry) for seq, entry in stored if not _is_same_article(entry, article)]
    proposal = propose(article, [entry for _, entry in compared], rules, taken)
    proposed = compile_rules([proposal.rule] if proposal.words else [], [])
    found = [
        FoundEntry(
            seq=seq,
            entry=entry,
            words=tuple(dict.fromkeys(hit.word for hit in match.hits)),
            matched_already=bool(match_entry(entry, rules)),
        )
        for seq, entry in reversed(compared)
        for match in match_entry(entry, proposed)
    ]
    return CheckedProposal(proposal=proposal, entries=len(compared), found=tuple(found))


def _is_same_article(entry: Entry, article: Entry) -> bool:
    return entry.story == article.story or (bool(article.link) and entry.link == article.link)
