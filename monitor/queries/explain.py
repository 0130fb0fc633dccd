"""Explain a stored entry: what each rule says of it, and the digests it was mailed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.feeds.links import without_tracking
from monitor.model.digests import Mailing
from monitor.model.feeds import Entry
from monitor.rules.match import Judgement, Ruleset, judge_entry
from monitor.store import digests, entries, pruned
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An entry, what each rule says of it, and the digests it was mailed in."""

    seq: int
    entry: Entry
    news: bool  # False: too old when it came, and held back
    judgements: tuple[Judgement, ...]
    mailed: tuple[Mailing, ...]
    leads: Mapping[int, str]  # the titles of the entries under which it stood as a copy, by seq
    pruned: bool  # True: its summary and text are not kept any more, and the rules see its title alone


async def explain(name: str, *, rules: Ruleset, db: Database) -> list[Explained]:
    """Explain each entry with this id, alias, link or number. Raises StoreError."""
    stored = await db.read(_find, list(dict.fromkeys([name, without_tracking(name)])))
    return [
        Explained(
            seq=seq,
            entry=entry,
            news=news,
            judgements=judge_entry(entry, rules),
            mailed=tuple(mailings),
            leads=leads,
            pruned=is_pruned,
        )
        for seq, entry, news, mailings, leads, is_pruned in stored
    ]


def _find(
    tx: Connection, names: Sequence[str]
) -> list[tuple[int, Entry, bool, list[Mailing], dict[int, str], bool]]:
    found = entries.find(tx, names)
    without_texts = pruned.among(tx, [seq for seq, _, _ in found])
    stored = []
    for seq, entry, news in found:
        mailings = digests.mailings(tx, entry.story)
        leads = entries.of(tx, sorted({mailing.lead for mailing in mailings if mailing.lead}))
        titles = {lead: of_lead.title or of_lead.link for lead, of_lead in leads}
        stored.append((seq, entry, news, mailings, titles, seq in without_texts))
    return stored
