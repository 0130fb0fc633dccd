"""Prepare a digest for the templates: texts tidied and cut, numbers, dates in the reader's zone and language."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.digests.build import fair_share
from monitor.digests.due import is_at_once
from monitor.digests.language import Language
from monitor.digests.marked_text import MarkedText, mark_hits, plain_text
from monitor.digests.shorten import excerpt, headline
from monitor.model.digests import Digest, Item, Section
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.rules import Hit, Reason

WORDS_IN_REASON = 6

_TITLE = 200  # characters shown of a title
_SECTION = 40
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"\\^`{|}]{1,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonView:
    """A rule's name and the words that were found, by field: (("title", ("大模型", "AI")), ("summary", ("算力",)))."""

    rule: str
    words: tuple[tuple[str, tuple[str, ...]], ...]
    others: bool  # more words were found than are named


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An entry as the mail shows it. Every string may be "" but the title."""

    title: MarkedText
    link: str
    source: str
    section: str
    time: str
    minutes: int  # of reading; 0 for a short text
    original: str  # link to the article in its first language
    excerpt: MarkedText
    reasons: tuple[ReasonView, ...]
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A rule's items; those in `more` are shown by title only, `unlisted` ones are only counted."""

    rule: str
    count: int
    items: tuple[ItemView, ...]
    more: tuple[ItemView, ...]
    unlisted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """Everything the three templates are given, in the reader's zone and language."""

    name: str
    locale: str
    headline: str  # the first title, shortened for a subject; "" without news
    count: int  # items
    day: str
    scheduled: str  # the time a late digest was due; "" when it is in time
    since: str  # "" for a first issue
    sections: tuple[SectionView, ...]
    entries: int  # that arrived since
    feeds: int
    ok: int  # feeds whose last poll succeeded
    failing: tuple[str, ...]
    unvisited: tuple[str, ...]
    silent: tuple[str, ...]
    excluded: int  # entries that a word excluded
    excluded_by: str  # the word that excluded the most; "" for none
    at_once: bool  # a mail outside the schedule
    next: str  # "" without a schedule


def digest_view(digest: Digest, language: Language, *, full: int, titles: int) -> DigestView:
    """Return what the templates are given, in the words of `language`. Texts of feeds are never translated.

    At most `full` items are shown whole and `titles` more by title; those beyond are counted.
    """
    zone = ZoneInfo(digest.subscription.timezone)
    now = digest.at.astimezone(zone)
    sections = tuple(_sections(digest.sections, language, now, full, titles))
    return DigestView(
        name=plain_text(digest.subscription.name),
        locale=language.locale,
        headline=_headline(digest.sections),
        count=sum(section.count for section in sections),
        day=language.day(now),
        scheduled=language.recently(digest.slot.at.astimezone(zone), now.date()) if digest.slot.late else "",
        since=language.recently(digest.since.astimezone(zone), now.date()) if digest.since else "",
        sections=sections,
        entries=digest.watched.entries,
        feeds=len(digest.watched.feeds),
        ok=len(_feed_names(digest, FeedHealth.OK)),
        failing=_feed_names(digest, FeedHealth.FAILING),
        unvisited=_feed_names(digest, FeedHealth.UNVISITED),
        silent=tuple(map(plain_text, digest.watched.silent)),
        excluded=sum(count for _, count in digest.watched.excluded_by),
        excluded_by=plain_text(digest.watched.excluded_by[0][0]) if digest.watched.excluded_by else "",
        at_once=is_at_once(digest.slot),
        next=language.dated(digest.next_at.astimezone(zone), now.date()) if digest.next_at else "",
    )


def _headline(sections: Sequence[Section]) -> str:
    items = [item for section in sections for item in (*section.items, *section.more)]
    return headline(_title(items[0].entry)) if items else ""


def _title(entry: Entry) -> str:
    # A title is what a reader clicks on: an entry without one is shown by its beginning, or by its link.
    text = entry.title if plain_text(entry.title[:_TITLE]) else (entry.summary or entry.text or entry.link)
    return text if len(text) <= _TITLE else text[:_TITLE] + "…"


def _feed_names(digest: Digest, health: FeedHealth) -> tuple[str, ...]:
    return tuple(plain_text(name) for name, state in digest.watched.feeds if state is health)


def _sections(
    sections: Sequence[Section], language: Language, now: datetime, full: int, titles: int
) -> Iterator[SectionView]:
    whole = fair_share([len(section.items) for section in sections], full, at_most=full)
    rests = [(*section.items[whole:], *section.more) for section in sections]
    listed = fair_share([len(rest) for rest in rests], titles, at_most=titles)
    for section, rest in zip(sections, rests, strict=True):
        yield SectionView(
            rule=plain_text(section.rule),
            count=len(section.items) + len(section.more),
            items=tuple(_item(item, language, now) for item in section.items[:whole]),
            more=tuple(_item(item, language, now) for item in rest[:listed]),
            unlisted=max(0, len(rest) - listed),
        )


def _item(item: Item, language: Language, now: datetime) -> ItemView:
    entry = item.entry
    hits = [hit for reason in item.reasons for hit in reason.hits]
    in_title = [(hit.start, hit.end) for hit in hits if hit.field == "title"]
    return ItemView(
        title=mark_hits(_title(entry), in_title),
        link=_web_link(entry.link),
        source=plain_text(item.feed),
        section=plain_text(entry.section[:_SECTION]),
        time=language.moment(entry.when.astimezone(now.tzinfo), now.date()),
        minutes=_minutes(entry.text),
        original=_web_link(entry.original),
        excerpt=excerpt(entry, hits),
        reasons=tuple(map(_reason, item.reasons)),
        also=tuple(map(plain_text, item.also)),
    )


def _web_link(link: str) -> str:
    return link if _WEB.fullmatch(link) else ""


def _minutes(text: str) -> int:
    """Return the minutes of reading at 450 Chinese characters or 220 latin words a minute; 0 up to one minute."""
    latin = len(re.findall(r"[A-Za-z]+", text))
    chinese = len(re.findall(r"[\u3400-\u9fff]", text))
    minutes = round(chinese / 450 + latin / 220)
    return minutes if minutes > 1 else 0


def _reason(reason: Reason) -> ReasonView:
    hit_by_text: dict[str, Hit] = {}
    for hit in reason.hits:
        hit_by_text.setdefault(hit.found.casefold(), hit)
    named = list(hit_by_text.values())[:WORDS_IN_REASON]
    fields = dict.fromkeys(hit.field for hit in named)
    return ReasonView(
        rule=plain_text(reason.rule),
        words=tuple(
            (field, tuple(plain_text(hit.found) for hit in named if hit.field == field)) for field in fields
        ),
        others=len(hit_by_text) > WORDS_IN_REASON,
    )
