"""Build a digest from pending entries: grouped by rule, ordered, each story once, limited in length."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from urllib.parse import urlsplit

from monitor.config.options import Rule, Subscription
from monitor.model.digests import Digest, Item, Section, Slot, Watched
from monitor.model.rules import PendingEntry, Reason

FULL_IN_SECTION = 30  # items shown with excerpt and reasons; beyond them, titles only
FULL_IN_ALL = 60
LEAD = 3  # items of a section that are shown first, whenever they were published


def build(
    subscription: Subscription,
    slot: Slot,
    pending: Sequence[PendingEntry],
    *,
    rules: Sequence[tuple[Rule, str]],
    feeds: Mapping[str, str],
    watched: Watched,
    since: datetime | None,
    now: datetime,
    next_at: datetime | None,
    owed: Sequence[PendingEntry] = (),
) -> Digest:
    """Return the digest of one slot; the same arguments give the same digest.

    `rules` come with their fingerprints, in the order of `rules_of`; `feeds` maps a feed's URL to its name.
    `watched` comes without its silent rules: they are filled in here.
    An entry that satisfies several rules appears once, under the first of them; a story that several feeds
    carry appears once, with the other feeds in `also`. Entries `owed` come first in their section, then its lead; those
    that no rule matches any more stand in a section of their own, at the end.
    """
    named = [(rule.name, fingerprint) for rule, fingerprint in rules]
    owed_seqs = {candidate.seq for candidate in owed}
    items = [
        item
        for copies in _stories([*pending, *owed])
        if (item := _item(copies, named, feeds, owed_seqs)) is not None
    ]
    by_rule: list[tuple[str | None, int, list[Item]]] = [
        (rule.name, rule.max, [item for item in items if _is_under(item, rule.name)]) for rule, _ in rules
    ]
    by_rule.append((None, 0, [item for item in items if not item.reasons]))
    sizes = [min(len(section), limit or FULL_IN_SECTION) for _, limit, section in by_rule]
    full = fair_share(sizes, FULL_IN_ALL, at_most=FULL_IN_SECTION)
    return Digest(
        subscription=subscription,
        slot=slot,
        at=now,
        since=since,
        sections=tuple(
            _section(rule, section, min(full, limit or full)) for rule, limit, section in by_rule if section
        ),
        watched=replace(watched, silent=_silent([rule for rule, _ in rules], items)),
        next_at=next_at,
        total=len(items),
    )


def rules_of(subscription: Subscription, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return a subscription's rules in force: by priority, then in the order of its `rules`, or else of the file."""
    by_name = {rule.name: rule for rule in rules if rule.enabled}
    named = [by_name[name] for name in subscription.rules or by_name if name in by_name]
    return tuple(sorted(named, key=lambda rule: -rule.priority))


def fair_share(sizes: Sequence[int], room: int, *, at_most: int) -> int:
    """Return how many items each section may show (at most `at_most`), so that together they show at most `room`.

    The limit is the same for all sections: a long one does not starve a short one.
    """
    return next(level for level in range(at_most, -1, -1) if sum(min(size, level) for size in sizes) <= room)


def _stories(pending: Iterable[PendingEntry]) -> Iterable[list[PendingEntry]]:
    def story(candidate: PendingEntry) -> str:
        return candidate.entry.story

    return (list(copies) for _, copies in groupby(sorted(pending, key=story), key=story))


def _item(
    copies: Sequence[PendingEntry],
    rules: Sequence[tuple[str, str]],
    feeds: Mapping[str, str],
    owed: Collection[int],
) -> Item | None:
    owed_copies = [copy for copy in copies if copy.seq in owed]
    candidates = [copy for copy in copies if _reasons(copy, rules)] or owed_copies
    if not candidates:
        return None
    best = min(candidates, key=lambda copy: (-len(copy.entry.text or copy.entry.summary), copy.seq))
    in_force = {fingerprint for _, fingerprint in rules}
    name = _feed_name(best, feeds)
    names = (_feed_name(copy, feeds) for copy in sorted(copies, key=lambda copy: copy.seq))
    return Item(
        seq=best.seq,
        entry=best.entry,
        feed=name,
        reasons=_reasons(best, rules),
        also=tuple(dict.fromkeys(other for other in names if other != name)),
        score=max((match.score for match in best.matches if match.fingerprint in in_force), default=0.0),
        owed=bool(owed_copies),
    )


def _reasons(candidate: PendingEntry, rules: Sequence[tuple[str, str]]) -> tuple[Reason, ...]:
    hits = {match.fingerprint: match.hits for match in candidate.matches}
    return tuple(
        Reason(rule=rule, hits=hits[fingerprint]) for rule, fingerprint in rules if fingerprint in hits
    )


def _feed_name(candidate: PendingEntry, feeds: Mapping[str, str]) -> str:
    # A feed removed from config.toml while its entries are pending has no name any more: its host stands for it.
    url = candidate.entry.feed_url
    return feeds.get(url) or urlsplit(url).hostname or url


def _is_under(item: Item, rule: str) -> bool:
    return bool(item.reasons) and item.reasons[0].rule == rule


def _section(rule: str | None, items: Sequence[Item], full: int) -> Section:
    ordered = _ordered(items)
    return Section(rule=rule, items=tuple(ordered[:full]), more=tuple(ordered[full:]))


def _ordered(items: Sequence[Item]) -> list[Item]:
    """Return what is owed, then the lead, then the rest; each by time, the newest first, but the lead by score.

    The lead are those that score more than others, at most half of the section: a lead of all would be none.
    """
    by_time = sorted(items, key=_by_time)
    news = [item for item in by_time if not item.owed]
    lowest = min((item.score for item in news), default=0.0)
    better = sorted((item for item in news if item.score > lowest), key=lambda item: -item.score)
    lead = better[: min(LEAD, len(news) // 2)]
    seqs = {item.seq for item in lead}
    return [
        *(item for item in by_time if item.owed),
        *(replace(item, lead=True) for item in lead),
        *(item for item in news if item.seq not in seqs),
    ]


def _by_time(item: Item) -> tuple[float, str, str]:
    return -item.entry.when.timestamp(), item.entry.title, item.entry.story


def _silent(rules: Sequence[Rule], items: Sequence[Item]) -> tuple[str, ...]:
    # A rule is not silent when its only entry appears under another rule: it is named there as a reason. Nor is
    # one whose matches go out at once: they have had a mail of their own.
    with_item = {reason.rule for item in items for reason in item.reasons}
    return tuple(rule.name for rule in rules if rule.name not in with_item and rule.pace != "at once")
