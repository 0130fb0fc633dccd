"""Choose the part of an entry's text that the digest shows."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monitor.digests.phrase import Phrase, phrase
from monitor.model.feeds import Entry
from monitor.model.rules import Hit

LONGEST = 120  # characters, ellipses included

_CLOSERS = "”’」』）】》\"')"
# A latin full stop ends a sentence after a word only: not in "U.S. officials", "A.I.公司" or "example.org".
_SENTENCE_END = re.compile(
    rf"[。！？]+[{_CLOSERS}]*|[!?]+[{_CLOSERS}]*(?=\s)|(?<=[a-z0-9]{{2}})\.[{_CLOSERS}]*(?=\s)|\n"
)
_CLAUSE_END = re.compile(r"[，、；：]|——|[,;:]\s")
_LOOSE_END = "，、；：,;: \t\r\n—"


class Window(NamedTuple):
    """A part of one field of an entry; `cut` when it stops within a sentence."""

    field: str
    start: int
    end: int
    cut: bool


def excerpt(entry: Entry, hits: Sequence[Hit]) -> Phrase:
    """At most 120 characters of the summary, else of the text, cut at a sentence where one fits.

    The beginning, if it or the title shows a hit; else the part around the first hit that can be shown.
    """
    window = _window(entry, hits)
    text: str = getattr(entry, window.field)
    spans = [
        (max(hit.start, window.start) - window.start, min(hit.end, window.end) - window.start)
        for hit in hits
        if hit.field == window.field
    ]
    return phrase(
        text[window.start : window.end],
        spans,
        before="…" if text[: window.start].strip() else "",
        after="…" if window.cut else "",
    )


def _window(entry: Entry, hits: Sequence[Hit]) -> Window:
    # Some feeds repeat the title where the summary should be.
    fields = ["summary", "text"] if entry.summary.strip() not in ("", entry.title.strip()) else ["text"]
    lead = _from(entry, fields[0], 0)
    if any(hit.field == "title" or _shows(lead, hit) for hit in hits):
        return lead
    for field in fields:
        first = next((hit for hit in hits if hit.field == field), None)
        if first is not None:
            return _from(entry, field, _start_for(first, getattr(entry, field)))
    return lead


def _shows(window: Window, hit: Hit) -> bool:
    return hit.field == window.field and window.start <= hit.start and hit.end <= window.end


def _from(entry: Entry, field: str, start: int) -> Window:
    text: str = getattr(entry, field)
    start += len(text[start:]) - len(text[start:].lstrip())
    limit = start + LONGEST - bool(start)
    ends = [end for end in _ends(text) if start < end <= limit]
    if ends or not text[start:]:
        return Window(field, start, max(ends, default=start), cut=False)
    return Window(field, start, _clause_end(text, start, limit - 1), cut=True)


def _ends(text: str) -> Iterator[int]:
    yield from (found.end() for found in _SENTENCE_END.finditer(text))
    yield len(text.rstrip())


def _clause_end(text: str, start: int, limit: int) -> int:
    clauses = [found.start() for found in _CLAUSE_END.finditer(text, start, limit)]
    # A clause that ends early would show too little: then the text is cut where the room ends.
    end = clauses[-1] if clauses and clauses[-1] - start > LONGEST // 2 else _whole_word(text, limit)
    return start + len(text[start:end].rstrip(_LOOSE_END))


def _whole_word(text: str, index: int) -> int:
    """The beginning of the latin word that a cut at `index` would tear apart, if it is not very long."""
    found = re.search(r"(?<![A-Za-z0-9])[A-Za-z0-9]{1,30}$", text[:index])
    return found.start() if found and re.match(r"[A-Za-z0-9]", text[index:]) else index


def _start_for(hit: Hit, text: str) -> int:
    """Where to begin so that `hit` is shown: at its sentence, else at a clause near before it."""
    sentence = max((end for end in _ends(text) if end <= hit.start), default=0)
    if hit.end - sentence < LONGEST * 2 // 3:
        return sentence
    near = max(sentence, hit.start - LONGEST // 3)
    clause = next((found.end() for found in _CLAUSE_END.finditer(text, near, hit.start)), None)
    return clause if clause is not None else _whole_word(text, near)
