"""Prepare a digest for the templates: texts tidied and cut, numbers, dates in the reader's zone and language."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.digests.due import is_at_once, is_quiet
from monitor.digests.language import Language
from monitor.digests.links import foreign_host, web_link
from monitor.digests.marked_text import MarkedText, mark_hits, marked_spans, plain_text
from monitor.digests.reasons import clauses, cut, whole_words
from monitor.digests.shorten import Excerpt, excerpt, headline, marked_hits
from monitor.model.digests import Copy, Digest, Item, Section
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.recipients import OWN_LINK

NAMES = 5  # feeds or rules named in one list; their count is given beside
TOPICS = 12  # sections counted at the head of the mail

_TITLE = 200  # characters shown of a title
_NAME = 60  # of the name of a feed, rule or subscription
_SECTION = 40
_WORD = 40  # of a word that excluded entries


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyView:
    """The same story elsewhere: the source, or the title where a source has several; the link may be "".

    Where the link leaves the site of its feed, the host stands behind the name.
    """

    name: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An entry as the mail shows it. Every string may be "" but the title.

    Of one shown by title only, and of an update, there is no reading time, no excerpt, and nothing of why it matched.
    """

    title: MarkedText
    link: str
    host: str  # of the link, where that leaves the feed's site
    lead: bool  # one of the best of its section, which stand first
    owed: bool  # the reader was to have it before
    source: str
    section: str
    time: str
    minutes: int  # of reading; 0 for a short text
    original: str  # link to the article in its first language
    original_host: str  # where that leaves the feed's site
    excerpt: MarkedText
    why: tuple[str, ...]  # what marks and heading do not show of why it stands here: a sentence each
    copies: tuple[CopyView, ...]  # all of them: each counts as mailed
    elsewhere: str  # how many copies there are; "" without any
    sent_before: str  # when its story, or an earlier stage or title of it, was mailed; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A rule's items; those in `more` are shown by title only, and those in `known` are not counted."""

    rule: str
    count: int
    items: tuple[ItemView, ...]
    more: tuple[ItemView, ...]
    known: tuple[ItemView, ...]  # more sources of what was mailed before


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """Everything the three templates are given, in the reader's zone and language."""

    name: str
    locale: str
    headline: str  # the first title that is new, shortened for a subject; "" without news
    count: int  # items in this mail, without the known ones
    part: int  # of `parts`: a digest may come in several mails
    parts: int
    total: int  # items in all parts
    owed: int  # items of this mail that the reader was to have before
    left: int  # items that the next digest brings; 0 but in the last part
    day: str
    short_day: str  # without year and weekday
    scheduled: str  # the time a late digest was due; "" when it is in time
    since: str  # "" for a first issue
    first_days: int  # of a first issue that brings the news of so many days before; else 0
    quiet_days: int  # for which nothing has matched, where the mail is about that; else 0
    sections: tuple[SectionView, ...]
    topics: tuple[SectionView, ...]  # the sections counted at the head
    entries: int  # that arrived since; 0 as well where this issue brings more, from before
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
    most_at_once: int  # mails an hour, where this is the last of them; else 0
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
        name=cut(digest.subscription.name, _NAME),
        locale=language.locale,
        headline=_headline(digest.news or digest.items),
        count=len(digest.news),
        part=digest.part,
        parts=digest.parts,
        total=digest.total,
        owed=sum(item.owed for item in digest.news),
        left=digest.left,
        day=language.day(now),
        short_day=language.short_day(now),
        scheduled=language.recently(digest.slot.at.astimezone(zone), now.date()) if digest.slot.late else "",
        since=language.recently(digest.since.astimezone(zone), now.date()) if digest.since else "",
        first_days=_days(digest.first) if digest.first else 0,
        quiet_days=_days(digest.at - digest.since) if is_quiet(digest.slot) and digest.since else 0,
        sections=sections,
        topics=tuple(section for section in sections if section.count)[:TOPICS],
        entries=_entries(digest),
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
        excluded_by=cut(digest.watched.excluded_by[0][0], _WORD) if digest.watched.excluded_by else "",
        at_once=is_at_once(digest.slot),
        most_at_once=digest.subscription.at_once_most
        if digest.fills_hour and digest.part == digest.parts
        else 0,
        next=language.dated(digest.next_at.astimezone(zone), now.date()) if digest.next_at else "",
        link=OWN_LINK if contact.public_url else "",
        unsubscribe=contact.mailto("unsubscribe", digest.subscription.name) if contact.answers else "",
        answers=contact.answers,
    )


def _days(span: timedelta) -> int:
    return max(1, round(span / timedelta(days=1)))


def _entries(digest: Digest) -> int:
    # A first issue may bring entries of before, and so may "rules apply": "0 entries" above them would be odd.
    entries = digest.watched.entries
    return entries if entries >= digest.total - sum(item.owed for item in digest.items) else 0


def _headline(items: Sequence[Item]) -> str:
    # What is owed was in a subject before, or stood far below.
    first = next((item for item in items if not item.owed), next(iter(items), None))
    return headline(_title(first.entry)) if first else ""


def _title(entry: Entry) -> str:
    return _shown_title(entry)[1]


def _shown_title(entry: Entry) -> tuple[str, str]:
    """Return the text that stands for an entry's title, and the field that it is the beginning of.

    A title is what a reader clicks on: an entry without one is shown by its beginning, or by its link.
    """
    texts = {"title": entry.title, "summary": entry.summary, "text": entry.text, "link": entry.link}
    for field, text in texts.items():
        if plain_text(text[:_TITLE]):
            return field, text if len(text) <= _TITLE else text[:_TITLE] + "…"
    return "title", ""


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(cut(name, _NAME) for name in names[:NAMES])


def _feed_names(digest: Digest, *healths: FeedHealth) -> tuple[str, ...]:
    return tuple(name for name, health in digest.watched.feeds if health in healths)


def _section(section: Section, language: Language, now: datetime) -> SectionView:
    rule = language.words.gettext("Selected by earlier rules") if section.rule is None else section.rule
    return SectionView(
        rule=cut(rule, _NAME),
        count=len(section.items) + len(section.more),
        items=tuple(_item(item, language, now, is_whole=item.update_of is None) for item in section.items),
        more=tuple(_item(item, language, now, is_whole=False) for item in section.more),
        known=tuple(_item(item, language, now, is_whole=False) for item in section.known),
    )


def _item(item: Item, language: Language, now: datetime, *, is_whole: bool) -> ItemView:
    entry, reasons = item.entry, whole_words(item)
    link, original = (web_link(address, entry.feed_url) for address in (entry.link, entry.original))
    hits = [hit for reason in reasons for hit in reason.hits]
    field, title = _shown_title(entry)
    spans = {(hit.start, min(hit.end, _TITLE)) for hit in hits if hit.field == field and hit.start < _TITLE}
    shown = excerpt(entry, hits) if is_whole else Excerpt(MarkedText(()), ())
    in_title = marked_hits(hits, field, marked_spans(spans))
    return ItemView(
        title=mark_hits(title or language.words.gettext("Untitled"), spans),
        link=link,
        host=foreign_host(link, entry.feed_url),
        lead=item.lead,
        owed=item.owed,
        source=cut(item.feed, _NAME),
        section=cut(entry.section, _SECTION),
        time=language.moment(entry.when.astimezone(now.tzinfo), now.date()),
        minutes=_minutes(entry.text) if is_whole else 0,
        original=original,
        original_host=foreign_host(original, entry.feed_url),
        excerpt=shown.marked,
        why=clauses(reasons, [*in_title, *shown.shown], language) if is_whole else (),
        copies=_copies(item, language),
        elsewhere=_elsewhere(item, language),
        sent_before=_sent_before(item, language, now),
    )


def _copies(item: Item, language: Language) -> tuple[CopyView, ...]:
    sources = Counter([item.feed, *(copy.feed for copy in item.copies)])

    def viewed(copy: Copy) -> CopyView:
        name = cut(copy.feed if sources[copy.feed] == 1 else _title(copy.entry), _NAME)
        link = web_link(copy.entry.link, copy.entry.feed_url)
        host = foreign_host(link, copy.entry.feed_url)
        if host:
            name = language.words.gettext("%(name)s (%(host)s)") % {"name": name, "host": host}
        return CopyView(name=name, link=link)

    return tuple(map(viewed, item.copies))


def _elsewhere(item: Item, language: Language) -> str:
    others = {copy.feed for copy in item.copies} - {item.feed}
    count, ngettext = len(item.copies), language.words.ngettext
    if not count:
        return ""
    if len(others) == count:
        return ngettext("Also in %(num)s other feed", "Also in %(num)s other feeds", count) % {"num": count}
    return ngettext("Also in %(num)s other report", "Also in %(num)s other reports", count) % {"num": count}


def _sent_before(item: Item, language: Language, now: datetime) -> str:
    at = item.update_of or item.known_since
    return language.recently(at.astimezone(now.tzinfo), now.date()) if at else ""


def _minutes(text: str) -> int:
    """Return the minutes of reading at 450 Chinese characters or 220 latin words a minute; 0 up to one minute."""
    latin = len(re.findall(r"[A-Za-z]+", text))
    chinese = len(re.findall(r"[\u3400-\u9fff]", text))
    minutes = round(chinese / 450 + latin / 220)
    return minutes if minutes > 1 else 0
