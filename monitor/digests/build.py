"""Group what waits by rule, order it, drop duplicates, and keep it finite."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from urllib.parse import urlsplit

from monitor.config.options import Rule, Subscription
from monitor.model.digests import Digest, Item, Section, Slot, Watched
from monitor.model.rules import PendingEntry, Reason

FULL_IN_SECTION = 30  # items shown with excerpt and reasons; beyond them, titles only
FULL_IN_ALL = 60


def build(
    subscription: Subscription,
    slot: Slot,
    waiting: Sequence[PendingEntry],
    *,
    rules: Sequence[tuple[Rule, str]],
    feeds: Mapping[str, str],
    watched: Watched,
    since: datetime | None,
    now: datetime,
    next_at: datetime | None,
) -> Digest:
    """The digest of one slot; the same arguments give the same digest.

    `rules` come with their fingerprints, in the order of `rules_of`; `feeds` maps a feed's URL to its name.
    `watched` comes without its silent rules: they are filled in here.
    An entry that satisfies several rules stands once, under the first of them; a story that several feeds
    brought stands once, with the others in `also`.
    """
    named = [(rule.name, fingerprint) for rule, fingerprint in rules]
    items = [item for copies in _stories(waiting) if (item := _item(copies, named, feeds)) is not None]
    told = [(rule, [item for item in items if item.reasons[0].rule == rule.name]) for rule, _ in rules]
    sizes = [min(len(section), rule.max or FULL_IN_SECTION) for rule, section in told]
    full = fair_share(sizes, FULL_IN_ALL, at_most=FULL_IN_SECTION)
    return Digest(
        subscription=subscription,
        slot=slot,
        at=now,
        since=since,
        sections=tuple(
            _section(rule.name, section, min(full, rule.max or full)) for rule, section in told if section
        ),
        watched=replace(watched, silent=_silent([rule for rule, _ in rules], items)),
        next_at=next_at,
    )


def rules_of(subscription: Subscription, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules of a subscription that are in force: by priority, then in its own order, or else the operator's."""
    by_name = {rule.name: rule for rule in rules if rule.enabled}
    named = [by_name[name] for name in subscription.rules or by_name if name in by_name]
    return tuple(sorted(named, key=lambda rule: -rule.priority))


def fair_share(sizes: Sequence[int], room: int, *, at_most: int) -> int:
    """How many of its items a section may show, so that a long section does not starve a short one."""
    return next(level for level in range(at_most, -1, -1) if sum(min(size, level) for size in sizes) <= room)


def _stories(waiting: Iterable[PendingEntry]) -> Iterable[list[PendingEntry]]:
    def story(one: PendingEntry) -> str:
        return one.entry.story

    return (list(copies) for _, copies in groupby(sorted(waiting, key=story), key=story))


def _item(
    copies: Sequence[PendingEntry], rules: Sequence[tuple[str, str]], feeds: Mapping[str, str]
) -> Item | None:
    matched = [copy for copy in copies if _reasons(copy, rules)]
    if not matched:
        return None
    best = min(matched, key=lambda copy: (-len(copy.entry.text or copy.entry.summary), copy.seq))
    in_force = {fingerprint for _, fingerprint in rules}
    name = _feed(best, feeds)
    others = (_feed(copy, feeds) for copy in sorted(copies, key=lambda copy: copy.seq))
    return Item(
        entry=best.entry,
        feed=name,
        reasons=_reasons(best, rules),
        also=tuple(dict.fromkeys(other for other in others if other != name)),
        score=max(match.score for match in best.matches if match.fingerprint in in_force),
    )


def _reasons(one: PendingEntry, rules: Sequence[tuple[str, str]]) -> tuple[Reason, ...]:
    found = {match.fingerprint: match for match in one.matches}
    return tuple(
        Reason(rule=rule, hits=found[fingerprint].hits) for rule, fingerprint in rules if fingerprint in found
    )


def _feed(one: PendingEntry, feeds: Mapping[str, str]) -> str:
    # A feed taken out of config.toml while its entries wait has no name any more: its host stands for it.
    return feeds.get(one.entry.feed_url) or urlsplit(one.entry.feed_url).hostname or one.entry.feed_url


def _section(rule: str, items: Sequence[Item], full: int) -> Section:
    ordered = sorted(items, key=_rank)
    return Section(rule=rule, items=tuple(ordered[:full]), more=tuple(ordered[full:]))


def _rank(item: Item) -> tuple[float, float, str, str]:
    return -item.score, -item.entry.when.timestamp(), item.entry.title, item.entry.story


def _silent(rules: Sequence[Rule], items: Sequence[Item]) -> tuple[str, ...]:
    # A rule is not silent when its only entry stands under another rule: it is named there as a reason. Nor is
    # one whose matches go out at once: they have had a mail of their own.
    heard = {reason.rule for item in items for reason in item.reasons}
    return tuple(rule.name for rule in rules if rule.name not in heard and rule.pace != "at once")
