"""Build a digest from pending entries: grouped by rule, ordered, each story once, limited in length."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, groupby
from urllib.parse import urlsplit

from monitor.config.options import Rule, Subscription
from monitor.digests.stories import Kinship, Past, Reader, Told, Window, group
from monitor.model.digests import Copy, Digest, Item, Section, Slot, Watched
from monitor.model.feeds import Entry
from monitor.model.rules import COPY, PendingEntry, Reason

FULL_IN_SECTION = 30  # items shown with excerpt and reasons; beyond them, titles only
FULL_IN_ALL = 60
LEAD = 3  # items of a section that are shown first, whenever they were published

# Beyond either, further copies of a story stand under an item of their own: one item has to fit a mail.
COPIES_IN_ITEM = 30
COPIES_LENGTH = 6000  # characters of their links and names


@dataclass(frozen=True, slots=True, kw_only=True)
class Stories:
    """By what copies and later stages of a story are known, beside equal addresses."""

    reader: Reader
    past: Past  # what was mailed to this subscription lately
    retitled: Mapping[str, datetime]  # stories pending that were mailed under another title, and when


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
    stories: Stories | None = None,
) -> Digest:
    """Return the digest of one slot; the same arguments give the same digest.

    `rules` come with their fingerprints, in the order of `rules_of`; `feeds` maps a feed's URL to its name.
    `watched` comes without its silent rules: they are filled in here.
    An entry that satisfies several rules appears once, under the first of them; so does a story that several feeds
    carry: the fullest copy as the item, the others in its `copies`, under the first rule of any of them. Which entries
    are one story `stories` tells; without it, equal addresses do. Entries `owed` come first in their section, then its
    lead; those that no rule matches any more stand in a section of their own, behind the others. Sections without news
    come last.
    """
    named = [(rule.name, fingerprint) for rule, fingerprint in rules]
    owed_seqs = {candidate.seq for candidate in owed}
    same_address = [
        item
        for copies in _stories([*pending, *owed])
        if (item := _item(copies, named, feeds, owed_seqs)) is not None
    ]
    items = same_address
    if stories:
        order = [rule.name for rule, _ in rules]
        items = [
            _dated(item, told, stories, owed_seqs)
            for item, told in _folded(same_address, stories.reader, order)
        ]
    by_rule: list[tuple[str | None, int, list[Item]]] = [
        (rule.name, rule.max, [item for item in items if _is_under(item, rule.name)]) for rule, _ in rules
    ]
    by_rule.append((None, 0, [item for item in items if not item.reasons]))
    by_rule.sort(key=lambda section: not _count_news(section[2]))
    sizes = [min(_count_news(section), limit or FULL_IN_SECTION) for _, limit, section in by_rule]
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
        total=_count_news(items),
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
    by_feed = {_feed_name(copy, feeds): copy for copy in sorted(copies, key=lambda copy: -copy.seq)}
    others = [
        Copy(seq=copy.seq, entry=copy.entry, feed=feed) for feed, copy in by_feed.items() if feed != name
    ]
    return Item(
        seq=best.seq,
        entry=best.entry,
        feed=name,
        reasons=_reasons(best, rules),
        copies=_within_bounds(sorted(others, key=lambda copy: copy.seq)),
        score=max((match.score for match in best.matches if match.fingerprint in in_force), default=0.0),
        owed=bool(owed_copies),
    )


def _folded(items: Sequence[Item], reader: Reader, order: Sequence[str]) -> Iterator[tuple[Item, Told]]:
    """Yield one item for each story, made of those that tell it, and how it is compared; the fullest is the item."""
    ranked = sorted(items, key=lambda item: (-_length(item), item.seq))
    told = [reader.read(_title(item.entry), item.entry.when, item.entry.feed_url) for item in ranked]
    for places in group(told, Window(reader)):
        for some in _in_bounds([ranked[place] for place in places]):
            yield _joined(some, order), told[places[0]]


def _within_bounds(copies: Sequence[Copy]) -> tuple[Copy, ...]:
    """Return as many copies as one item may have; of one address, so that a reader misses nothing in the others."""
    sizes = accumulate(map(_size, copies))
    return tuple(
        copy for copy, size in zip(copies[:COPIES_IN_ITEM], sizes, strict=False) if size <= COPIES_LENGTH
    )


def _size(copy: Copy) -> int:
    return len(copy.entry.link) + len(copy.feed)


def _as_copies(item: Item) -> list[Copy]:
    return [Copy(seq=item.seq, entry=item.entry, feed=item.feed), *item.copies]


def _in_bounds(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield the items of one story in lots, none of which has more copies than one item may."""
    lot: list[Item] = []
    copies = length = 0
    for item in items:
        its = _as_copies(item)
        size = sum(map(_size, its))
        if lot and (copies + len(its) > COPIES_IN_ITEM or length + size > COPIES_LENGTH):
            yield lot
            lot, copies, length = [], 0, 0
        lot.append(item)
        copies, length = copies + len(its), length + size
    yield lot


def _joined(items: Sequence[Item], order: Sequence[str]) -> Item:
    """Return the first of these items with the others, and their copies, as its copies; the reasons of all."""
    first, *others = items
    if not others:
        return first
    reasons = {reason.rule: reason for reason in first.reasons}
    for reason in (reason for item in others for reason in item.reasons):
        # Where its words stand in a copy says nothing of the text that is shown.
        hits = tuple(hit._replace(field=COPY, start=0, end=0) for hit in reason.hits)
        reasons.setdefault(reason.rule, Reason(rule=reason.rule, hits=hits))
    copies = [*first.copies, *(copy for item in others for copy in _as_copies(item))]
    return replace(
        first,
        reasons=tuple(reasons[rule] for rule in order if rule in reasons),
        copies=tuple(sorted(copies, key=lambda copy: copy.seq)),
        score=max(item.score for item in items),
        owed=any(item.owed for item in items),
    )


def _dated(item: Item, told: Told, stories: Stories, owed: Collection[int]) -> Item:
    """Return an item with the date of the mail that brought its story, or an earlier stage or title of it."""
    before = [
        stories.retitled[entry.story] for entry in item.entries.values() if entry.story in stories.retitled
    ]
    if before:
        return replace(item, update_of=max(before))
    if not item.owed and (found := stories.past.find(told, without=owed)):
        kinship, at = found
        return replace(item, known_since=at) if kinship is Kinship.SAME else replace(item, update_of=at)
    return item


def _title(entry: Entry) -> str:
    return entry.title or entry.summary or entry.text


def _length(item: Item) -> int:
    return len(item.entry.text or item.entry.summary)


def _count_news(items: Iterable[Item]) -> int:
    return sum(item.known_since is None for item in items)


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
    ordered = _ordered([item for item in items if item.known_since is None])
    known = sorted((item for item in items if item.known_since is not None), key=_by_time)
    return Section(rule=rule, items=tuple(ordered[:full]), more=tuple(ordered[full:]), known=tuple(known))


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
