"""Part an article into runs of one script each; declare the terms that are made of them."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.feeds import Entry
from monitor.rules.fold import Folded, fold

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_WORD = f"[^\\W_{_HAN}]"
_RUN = re.compile(f"(?P<han>[{_HAN}]+)|{_WORD}(?:{_WORD}|[.&'’_+-](?={_WORD}))*(?:\\+\\+|#)?")
_IN_BRACKETS = re.compile(r"[(（]\s*[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word that an article keeps coming back to, or several words in a row."""

    word: str  # as the article writes it
    folded: str
    count: int
    in_title: bool
    name: bool  # of somebody or something, as far as its form tells
    quoted: bool  # more often than not it is who says something
    kept: bool = False  # the shipped table or a rule knows it as a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Characters of Chinese in a row, or one word of another script."""

    text: str  # folded
    han: bool
    in_title: bool
    source: str  # the line it stands in
    folded: Folded  # that line
    start: int  # where in folded.text

    @property
    def end(self) -> int:
        """Where it ends in folded.text."""
        return self.start + len(self.text)

    @property
    def before(self) -> str:
        """What stands before it in its line, folded."""
        return self.folded.text[: self.start]

    @property
    def explained(self) -> bool:
        """Whether a word of another script follows in brackets: so writers give a name, 某某(Name)."""
        return _IN_BRACKETS.match(self.folded.text, self.end) is not None

    @property
    def counted(self) -> bool:
        """Whether a number stands before it."""
        return self.before[-1:].isdecimal()

    def written(self, start: int = 0, end: int | None = None) -> str:
        """Return a part of it as it was written; full-width letters as half-width ones."""
        stop = self.end if end is None else self.start + end
        first, last = self.folded.original(self.start + start, stop)
        return unicodedata.normalize("NFKC", self.source[first:last])


def runs_of(article: Entry) -> Iterator[Run]:
    """Yield every run of the title, the summary and the text, in order."""
    lines = [(article.title, True)]
    lines += [(line, False) for line in (*article.summary.splitlines(), *article.text.splitlines())]
    for source, in_title in lines:
        folded = fold(source)
        for match in _RUN.finditer(folded.text):
            yield Run(
                text=match[0],
                han=match["han"] is not None,
                in_title=in_title,
                source=source,
                folded=folded,
                start=match.start(),
            )
