"""Prepare a digest for the templates: texts tidied and cut, numbers, dates in the reader's zone and language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.digests.due import is_at_once
from monitor.digests.language import Language
from monitor.digests.marked_text import MarkedText, mark_hits, plain_text
from monitor.digests.shorten import excerpt, headline
from monitor.model.digests import Digest, Item, Section
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.recipients import OWN_LINK
from monitor.model.rules import Reason

WORDS_IN_REASON = 6
REASONS = 4  # rules named for an item
NAMES = 5  # feeds or rules named in one list; their count is given beside
TOPICS = 12  # sections counted at the head of the mail

_TITLE = 200  # characters shown of a title
_NAME = 60  # of the name of a feed, rule or subscription
_SECTION = 40
_WORD = 40  # of a word in a reason: a regular expression may find a whole text
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"\\^`{|}]{1,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonView:
    """A rule's name and the words that were found, by field: (("title", ("大模型", "AI")), ("summary", ("算力",)))."""

    rule: str
    words: tuple[tuple[str, tuple[str, ...]], ...]
    others: bool  # more words were found than are named


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An entry as the mail shows it. Every string may be "" but the title.

    Of one shown by title only there is no reading time, excerpt or reason.
    """

    title: MarkedText
    link: str
    source: str
    section: str
    time: str
    minutes: int  # of reading; 0 for a short text
    original: str  # link to the article in its first language
    excerpt: MarkedText
    reasons: tuple[ReasonView, ...]
    other_rules: int  # that matched it as well and are not among the reasons
    also: tuple[str, ...]
    also_count: int  # feeds; `also` names the first of them


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A rule's items; those in `more` are shown by title only."""

    rule: str
    count: int
    items: tuple[ItemView, ...]
    more: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """Everything the three templates are given, in the reader's zone and language."""

    name: str
    locale: str
    headline: str  # the first title that is new, shortened for a subject; "" without news
    count: int  # items in this mail
    part: int  # of `parts`: a digest may come in several mails
    parts: int
    total: int  # items in all parts
    owed: int  # items of this mail that the reader was to have before
    left: int  # items that the next digest brings; 0 but in the last part
    day: str
    scheduled: str  # the time a late digest was due; "" when it is in time
    since: str  # "" for a first issue
    sections: tuple[SectionView, ...]
    topics: tuple[SectionView, ...]  # the sections counted at the head
    entries: int  # that arrived since
    feeds: int
    ok: int  # feeds whose last poll succeeded
    failing: tuple[str, ...]  # at most NAMES; so are the four below
    failing_count: int
    dead: tuple[str, ...]  # those that are gone included
    dead_count: int
    quiet: tuple[str, ...]
    quiet_count: int
    unvisited: tuple[str, ...]
    unvisited_count: int
    silent: tuple[str, ...]
    silent_count: int
    excluded: int  # entries that a word excluded
    excluded_by: str  # the word that excluded the most; "" for none
    at_once: bool  # a mail outside the schedule
    next: str  # "" without a schedule
    link: str  # to the reader's own page, or what stands for it; "" without pages
    unsubscribe: str  # a mailto link, where there are no pages
    answers: str  # the address of who answers


def digest_view(digest: Digest, language: Language) -> DigestView:
    """Return what the templates are given, in the words of `language`. Texts of feeds are never translated."""
    zone, contact = ZoneInfo(digest.subscription.timezone), digest.contact
    now = digest.at.astimezone(zone)
    sections = tuple(_section(section, language, now) for section in digest.sections)
    failing = _feed_names(digest, FeedHealth.FAILING)
    dead = _feed_names(digest, FeedHealth.DEAD, FeedHealth.GONE)
    quiet = _feed_names(digest, FeedHealth.QUIET)
    unvisited = _feed_names(digest, FeedHealth.UNVISITED)
    return DigestView(
        name=_cut(digest.subscription.name, _NAME),
        locale=language.locale,
        headline=_headline(digest.items),
        count=len(digest.items),
        part=digest.part,
        parts=digest.parts,
        total=digest.total,
        owed=sum(item.owed for item in digest.items),
        left=digest.left,
        day=language.day(now),
        scheduled=language.recently(digest.slot.at.astimezone(zone), now.date()) if digest.slot.late else "",
        since=language.recently(digest.since.astimezone(zone), now.date()) if digest.since else "",
        sections=sections,
        topics=sections[:TOPICS],
        entries=digest.watched.entries,
        feeds=len(digest.watched.feeds),
        ok=len(_feed_names(digest, FeedHealth.OK)),
        failing=_names(failing),
        failing_count=len(failing),
        dead=_names(dead),
        dead_count=len(dead),
        quiet=_names(quiet),
        quiet_count=len(quiet),
        unvisited=_names(unvisited),
        unvisited_count=len(unvisited),
        silent=_names(digest.watched.silent),
        silent_count=len(digest.watched.silent),
        excluded=sum(count for _, count in digest.watched.excluded_by),
        excluded_by=_cut(digest.watched.excluded_by[0][0], _WORD) if digest.watched.excluded_by else "",
        at_once=is_at_once(digest.slot),
        next=language.dated(digest.next_at.astimezone(zone), now.date()) if digest.next_at else "",
        link=OWN_LINK if contact.public_url else "",
        unsubscribe=contact.mailto("unsubscribe", digest.subscription.name) if contact.answers else "",
        answers=contact.answers,
    )


def _headline(items: Sequence[Item]) -> str:
    # What is owed was in a subject before, or stood far below.
    first = next((item for item in items if not item.owed), next(iter(items), None))
    return headline(_title(first.entry)) if first else ""


def _title(entry: Entry) -> str:
    # A title is what a reader clicks on: an entry without one is shown by its beginning, or by its link.
    text = entry.title if plain_text(entry.title[:_TITLE]) else (entry.summary or entry.text or entry.link)
    return text if len(text) <= _TITLE else text[:_TITLE] + "…"


def _cut(text: str, length: int) -> str:
    """Return `text` tidied, in at most `length` characters; an ellipsis stands for the rest."""
    # What is far longer is cut first: to tidy it takes time.
    plain = plain_text(text[: 4 * length])
    if len(plain) <= length and len(text) <= 4 * length:
        return plain
    return plain[: length - 1].rstrip() + "…"


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cut(name, _NAME) for name in names[:NAMES])


def _feed_names(digest: Digest, *healths: FeedHealth) -> tuple[str, ...]:
    return tuple(name for name, health in digest.watched.feeds if health in healths)


def _section(section: Section, language: Language, now: datetime) -> SectionView:
    rule = language.words.gettext("Selected by earlier rules") if section.rule is None else section.rule
    return SectionView(
        rule=_cut(rule, _NAME),
        count=len(section.all_items),
        items=tuple(_item(item, language, now, is_whole=True) for item in section.items),
        more=tuple(_item(item, language, now, is_whole=False) for item in section.more),
    )


def _item(item: Item, language: Language, now: datetime, *, is_whole: bool) -> ItemView:
    entry = item.entry
    hits = [hit for reason in item.reasons for hit in reason.hits]
    in_title = {(hit.start, hit.end) for hit in hits if hit.field == "title" and hit.start < _TITLE}
    return ItemView(
        title=mark_hits(_title(entry), in_title),
        link=_web_link(entry.link),
        source=_cut(item.feed, _NAME),
        section=_cut(entry.section, _SECTION),
        time=language.moment(entry.when.astimezone(now.tzinfo), now.date()),
        minutes=_minutes(entry.text) if is_whole else 0,
        original=_web_link(entry.original),
        excerpt=excerpt(entry, hits) if is_whole else MarkedText(()),
        reasons=tuple(map(_reason, item.reasons[:REASONS])) if is_whole else (),
        other_rules=max(0, len(item.reasons) - REASONS),
        also=_names(item.also),
        also_count=len(item.also),
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
    field_by_find: dict[str, str] = {}
    for hit in reason.hits:
        field_by_find.setdefault(hit.found, hit.field)
    words: dict[str, tuple[str, str]] = {}  # by the word in lower case: its field, and the word as found
    for found, field in field_by_find.items():
        word = _cut(found, _WORD)
        words.setdefault(word.casefold(), (field, word))
        if len(words) > WORDS_IN_REASON:
            break
    named = list(words.values())[:WORDS_IN_REASON]
    return ReasonView(
        rule=_cut(reason.rule, _NAME),
        words=tuple(
            (field, tuple(word for its_field, word in named if its_field == field))
            for field in dict.fromkeys(field for field, _ in named)
        ),
        others=len(words) > WORDS_IN_REASON,
    )
