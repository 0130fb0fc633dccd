"""Say why an item stands in a digest, as far as its marks and the heading above it do not show."""

from collections.abc import Iterable, Sequence

from monitor.digests.language import Language
from monitor.digests.marked_text import plain_text
from monitor.model.digests import Item
from monitor.model.rules import COPY, Hit, Reason

WORDS = 6  # named for an item
RULES = 3  # beside that of the heading

_HITS = 300  # of a rule in an entry that are looked at: a long text may have thousands
_WORD = 40  # characters of a word: a regular expression may find a whole text
_RULE = 60


def whole_words(item: Item) -> tuple[Reason, ...]:
    """Return the reasons of an item, each hit widened to the word it is a part of: GPT in ChatGPT is ChatGPT."""
    texts = {
        "author": ", ".join(item.entry.authors),
        "section": ", ".join(item.entry.sections),
        "feed": item.feed,
    }

    def widened(hit: Hit) -> Hit:
        if hit.field == COPY:
            return hit
        text: str = texts[hit.field] if hit.field in texts else getattr(item.entry, hit.field)
        if not hit.found or text[hit.start : hit.end] != hit.found:  # a text that is pruned, a feed renamed
            return hit
        start, end = _word_around(text, hit.start, hit.end)
        return hit._replace(found=text[start:end], start=start, end=end) if end - start <= _WORD else hit

    return tuple(
        Reason(rule=reason.rule, hits=tuple(map(widened, reason.hits[:_HITS]))) for reason in item.reasons
    )


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place of the word, of a script with spaces, of which [start, end) is a part."""
    if _is_spaced(text[start]):
        while start and end - start <= _WORD and _is_spaced(text[start - 1]):
            start -= 1
    if _is_spaced(text[end - 1]):
        while end < len(text) and end - start <= _WORD and _is_spaced(text[end]):
            end += 1
    return start, end


def _is_spaced(character: str) -> bool:
    """Is it a letter or digit of a script that parts words by spaces: Latin, Greek, Cyrillic, not Chinese?"""
    return character.isalnum() and (character.isascii() or ord(character) < 0x1100)


def clauses(reasons: Sequence[Reason], shown: Iterable[Hit], language: Language) -> tuple[str, ...]:
    """Return what is to be said beside an item: where words were found that no mark shows, and its other rules.

    `reasons` begin with the rule of the heading; `shown` are the hits that stand marked in title or excerpt.
    """
    seen: set[str] = set()
    for hit in shown:
        seen |= {hit.word, _spelling(hit)}
    hidden: list[Hit] = []
    for hit in (hit for reason in reasons for hit in reason.hits):
        if hit.word not in seen and (spelling := _spelling(hit)) not in seen:
            seen |= {hit.word, spelling}
            hidden.append(hit)
            if len(hidden) > WORDS:
                break
    return (*_of_words(hidden, language), *_of_rules([reason.rule for reason in reasons[1:]], language))


def _spelling(hit: Hit) -> str:
    return cut(hit.found, _WORD).casefold()


def _of_words(hidden: Sequence[Hit], language: Language) -> list[str]:
    gettext = language.words.gettext
    sentences = {
        "title": gettext("Matched in the title: %(words)s"),
        "summary": gettext("Matched in the summary: %(words)s"),
        "text": gettext("Matched in the body: %(words)s"),
        "author": gettext("Matched by author: %(words)s"),
        "section": gettext("Matched by section: %(words)s"),
        "link": gettext("Matched in the link: %(words)s"),
        "feed": gettext("Matched by feed: %(words)s"),
        COPY: gettext("Matched in another report: %(words)s"),
    }
    by_field: dict[str, list[str]] = {}
    for hit in hidden[:WORDS]:
        by_field.setdefault(hit.field, []).append(cut(hit.found, _WORD))
    said = [sentences[field] % {"words": language.quoted(words)} for field, words in by_field.items()]
    if len(hidden) > WORDS:
        said[-1] += language.words.pgettext("after a list", " and others")
    return said


def _of_rules(rules: Sequence[str], language: Language) -> list[str]:
    if not rules:
        return []
    named = language.quoted([cut(rule, _RULE) for rule in rules[:RULES]])
    more = len(rules) - RULES
    if more <= 0:
        return [language.words.gettext("Also matches %(rules)s") % {"rules": named}]
    sentence = language.words.ngettext(
        "Also matches %(rules)s and %(num)s more rule", "Also matches %(rules)s and %(num)s more rules", more
    )
    return [sentence % {"rules": named, "num": more}]


def cut(text: str, length: int) -> str:
    """Return `text` tidied, in at most `length` characters; an ellipsis stands for the rest."""
    # What is far longer is cut first: to tidy it takes time.
    plain = plain_text(text[: 4 * length])
    if len(plain) <= length and len(text) <= 4 * length:
        return plain
    return plain[: length - 1].rstrip() + "…"
