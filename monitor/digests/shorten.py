"""Shorten a title to a subject line's length, and an entry's text to an excerpt that shows why it matched."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monitor.digests.marked_text import MarkedText, Span, mark_hits, marked_spans, plain_text
from monitor.digests.wrap import columns
from monitor.model.feeds import Entry
from monitor.model.rules import Hit

HEADLINE = 40  # columns of a headline at most: 20 full-width characters
EXCERPT = 120  # characters of an excerpt at most, ellipses included

_SHORTEST = 12  # columns: a headline cut shorter than this says too little
_CLAUSE_ALONE = 20  # columns: a clause such as 获习近平认可后 has to be longer to stand for the whole title
_PAUSE = re.compile(r"[：，。？！；]|——|\s[-–—|]\s|[:;,?!]\s")
_PAIRS = tuple(zip("“‘「『《（(【", "”’」』》）)】", strict=True))

_CLOSERS = "”’」』）】》\"')"
# A latin full stop ends a sentence after a word only: not in "U.S. officials", "A.I.公司" or "example.org".
_SENTENCE_END = re.compile(
    rf"[。！？]+[{_CLOSERS}]*|[!?]+[{_CLOSERS}]*(?=\s)|(?<=[a-z0-9]{{2}})\.[{_CLOSERS}]*(?=\s)|\n"
)
_CLAUSE_END = re.compile(r"[，、；：]|——|[,;:]\s")
_LOOSE_END = "，、；：,;: \t\r\n—"


def headline(title: str) -> str:
    """Return `title`, or its beginning up to a pause that fits, or as much as fits and an ellipsis.

    At most 40 columns wide. A bracket or quotation mark that opens is closed too, or left out.
    """
    whole = plain_text(title[:300])  # hostile feeds have titles without end
    if columns(whole) <= HEADLINE:
        return whole
    for pause in reversed(list(_PAUSE.finditer(whole))):
        # A question loses its sense without its mark; other pauses are not missed.
        short = whole[: pause.end() if pause[0] in "？！" else pause.start()]
        if _CLAUSE_ALONE <= columns(short) <= HEADLINE and _is_balanced(short):
            return short
    return _fitting(whole) + "…"


def unshouted(subject: str) -> str:
    """Return a subject whose Latin letters are capitals alone, AI among Chinese, with its spaces as no-break spaces.

    Spam filters take such a subject of several words for shouting (SpamAssassin's SUBJ_ALL_CAPS); it looks the same.
    """
    letters = re.sub("[^A-Za-z]", "", subject)
    return subject.replace(" ", "\u00a0") if letters and letters.isupper() else subject


def _is_balanced(text: str) -> bool:
    return all(text.count(opener) <= text.count(closer) for opener, closer in _PAIRS)


def _fitting(text: str) -> str:
    end = len(text)
    while columns(text[:end]) > HEADLINE - 2:
        end -= 1
    word = re.search(r"[A-Za-z0-9]+$", text[:end])
    if word and re.match(r"[A-Za-z0-9]", text[end:]) and columns(text[: word.start()]) >= _SHORTEST:
        end = word.start()
    opened = [text.rfind(opener, 0, end) for opener, closer in _PAIRS if not _is_balanced(text[:end])]
    last = max(opened, default=-1)
    if last >= 0 and columns(text[:last]) >= _SHORTEST:
        end = last
    return text[:end].rstrip(" ，、；：“‘「『《（(【")


class _Window(NamedTuple):
    """A part of one field of an entry; `cut` when it stops within a sentence."""

    field: str
    start: int
    end: int
    cut: bool


class Excerpt(NamedTuple):
    """A part of an entry's summary or text, and the hits that stand marked in it."""

    marked: MarkedText
    shown: tuple[Hit, ...]


def excerpt(entry: Entry, hits: Sequence[Hit]) -> Excerpt:
    """Return at most 120 characters of the summary, else of the text, cut at a sentence where one fits.

    It is the beginning, if that or the title shows a hit; else the part around the first hit that can be shown.
    """
    window = _window(entry, hits)
    text: str = getattr(entry, window.field)
    spans = {
        (max(hit.start, window.start) - window.start, min(hit.end, window.end) - window.start)
        for hit in hits
        if hit.field == window.field and hit.start < window.end and hit.end > window.start
    }
    marked = mark_hits(
        text[window.start : window.end],
        spans,
        before="…" if text[: window.start].strip() else "",
        after="…" if window.cut else "",
    )
    places = [(start + window.start, end + window.start) for start, end in marked_spans(spans)]
    return Excerpt(marked, marked_hits(hits, window.field, places))


def marked_hits(hits: Sequence[Hit], field: str, places: Sequence[Span]) -> tuple[Hit, ...]:
    """Return the hits in a field that stand wholly in one of the marked places."""
    return tuple(
        hit
        for hit in hits
        if hit.field == field and any(start <= hit.start and hit.end <= end for start, end in places)
    )


def _window(entry: Entry, hits: Sequence[Hit]) -> _Window:
    # Some feeds repeat the title where the summary should be.
    fields = ["summary", "text"] if entry.summary.strip() not in ("", entry.title.strip()) else ["text"]
    lead = _window_from(entry, fields[0], 0)
    if any(hit.field == "title" or _shows(lead, hit) for hit in hits):
        return lead
    for field in fields:
        first = next((hit for hit in hits if hit.field == field), None)
        if first is not None:
            return _window_from(entry, field, _start_for(first, getattr(entry, field)))
    return lead


def _shows(window: _Window, hit: Hit) -> bool:
    return hit.field == window.field and window.start <= hit.start and hit.end <= window.end


def _window_from(entry: Entry, field: str, start: int) -> _Window:
    text: str = getattr(entry, field)
    start += len(text[start:]) - len(text[start:].lstrip())
    limit = start + EXCERPT - bool(start)
    ends = [end for end in _sentence_ends(text) if start < end <= limit]
    if ends or not text[start:]:
        return _Window(field, start, max(ends, default=start), cut=False)
    return _Window(field, start, _clause_end(text, start, limit - 1), cut=True)


def _sentence_ends(text: str) -> Iterator[int]:
    yield from (stop.end() for stop in _SENTENCE_END.finditer(text))
    yield len(text.rstrip())


def _clause_end(text: str, start: int, limit: int) -> int:
    clauses = [pause.start() for pause in _CLAUSE_END.finditer(text, start, limit)]
    # A clause that ends early would show too little: then the text is cut where the room ends.
    end = clauses[-1] if clauses and clauses[-1] - start > EXCERPT // 2 else _whole_word(text, limit)
    return start + len(text[start:end].rstrip(_LOOSE_END))


def _whole_word(text: str, index: int) -> int:
    """Return where the latin word begins that a cut at `index` would tear apart, or `index` for a very long one."""
    word = re.search(r"(?<![A-Za-z0-9])[A-Za-z0-9]{1,30}$", text[:index])
    return word.start() if word and re.match(r"[A-Za-z0-9]", text[index:]) else index


def _start_for(hit: Hit, text: str) -> int:
    """Return where to begin so that `hit` is shown: at its sentence, else at a clause shortly before it."""
    sentence = max((end for end in _sentence_ends(text) if end <= hit.start), default=0)
    if hit.end - sentence < EXCERPT * 2 // 3:
        return sentence
    near = max(sentence, hit.start - EXCERPT // 3)
    clause = next((stop.end() for stop in _CLAUSE_END.finditer(text, near, hit.start)), None)
    return clause if clause is not None else _whole_word(text, near)
