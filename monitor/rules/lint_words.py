"""What looks wrong about a single word, before anything is known of its rule?"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.errors import RuleError
from monitor.rules.fold import fold
from monitor.rules.patterns import SlowPatternError, find
from monitor.rules.script import is_han
from monitor.rules.syntax import parse_word
from monitor.rules.words import Pattern, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What is odd, how to mend it, and the words that may stand instead without a question (None: none may)."""

    kind: str
    what: str
    fix: str
    safe: tuple[str, ...] | None = None


_WIDE = {"＋": "+", "！": "!", "＠": "@", "／": "/", "＝": "=", "＊": "*", "～": "~", "－": "-", "：": ":"}
_WIDE_SIGN = re.compile(
    r"^[＋！＠／＝]|^＊(?=.)|(?<=.)＊$|／(?=[A-Za-z]*$)|(?<=\s)～(?=\d*\s)|(?<=\s)－(?=\S)"
    r"|(?<=^title)：|(?<=^summary)：|(?<=^text)：|(?<=^author)：|(?<=^section)：|(?<=^link)：|(?<=^feed)："
)
_SEPARATOR = re.compile(r"\s*[、,，;；|｜]\s*")
_OPERATOR = re.compile(r"\s+(?:AND|OR|NOT|NEAR/\d+)\s+")
_SIGN_BEFORE = re.compile(r"^[+!](?=\w)")
_OTHER_FIELD = {
    "body": "text", "content": "text", "description": "summary", "intitle": "title", "inurl": "link", "url": "link",
    "headline": "title", "source": "feed",
}  # fmt: skip
_FIELD = re.compile(rf"^({'|'.join(_OTHER_FIELD)}):(?=[^/\s])", re.IGNORECASE)


def odd_word(written: str) -> Iterator[Odd]:
    """Everything odd about a word as it is written."""
    text = written.strip()
    pattern = _pattern_of(text)
    for look in _LOOKS_AT_PATTERNS if pattern else _LOOKS_AT_WORDS:
        yield from look(text)
    if pattern:
        yield from _slow(pattern)


def _pattern_of(text: str) -> Pattern | None:
    try:
        term = parse_word("", text).term
    except RuleError:
        return None
    return term if isinstance(term, Pattern) else None


def _han(text: str) -> Iterator[Odd]:
    folded = fold(text.removeprefix("=")).text
    if len(folded) == 1 and is_han(folded):
        what = "one Chinese character alone is part of many words"
        yield Odd(kind="han", what=what, fix='write the whole word, or guard it: "车 -车间 -风车"')


def _width(text: str) -> Iterator[Odd]:
    meant = _WIDE_SIGN.sub(lambda found: _WIDE[found[0]], text)
    if meant != text:
        signs = ", ".join(dict.fromkeys(_WIDE_SIGN.findall(text)))
        yield Odd(
            kind="width",
            what=f"{signs} is full-width, so it is looked for as it stands",
            fix=f"write {quoted(meant)}",
            safe=(meant,) if _reads(meant) else None,
        )


def _reads(text: str) -> bool:
    """Can it be read, whatever alias sets there are?"""
    return text.startswith("@") or not isinstance(_attempt(text), RuleError)


def _attempt(text: str) -> RuleError | None:
    try:
        parse_word("", text)
    except RuleError as error:
        return error
    return None


def _two(text: str) -> Iterator[Odd]:
    if text.startswith(("=", "link:")):
        return
    if _OPERATOR.search(text):
        what = "AND, OR and NOT are letters like others in a list"
        yield Odd(kind="two words", what=what, fix=f"write when = '{text}'")
        return
    pieces = [piece for piece in _SEPARATOR.split(text) if piece]
    if len(pieces) < 2 and "~" not in text and " -" not in text:
        pieces = re.split(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", text)
    if len(pieces) > 1 and all(any(map(str.isalpha, piece)) for piece in pieces):
        listed = ", ".join(map(quoted, pieces))
        what = "this is one word, found only where all of it stands in a row"
        yield Odd(kind="two words", what=what, fix=f"write {listed}", safe=tuple(pieces))


def _borrowed(text: str) -> Iterator[Odd]:
    """Signs of other programs."""
    if found := _SIGN_BEFORE.match(text):
        key = "all" if found[0] == "+" else "none"
        what = f'"{found[0]}" means nothing before a word here'
        yield Odd(kind="two words", what=what, fix=f'put "{text[1:]}" into {key}')
    if found := _FIELD.match(text):
        meant = f"{_OTHER_FIELD[found[1].lower()]}:{text[found.end() :]}"
        yield Odd(kind="field", what=f'"{found[0]}" is no field', fix=f"write {quoted(meant)}")


def _flags(text: str) -> Iterator[Odd]:
    if found := re.search(r"\(([imsx]+)\?\)", text):
        meant = text[: found.start()] + f"(?{found[1]})" + text[found.end() :]
        what = f'"{found[0]}" is the letter {found[1]}, or nothing; the flag is (?{found[1]})'
        yield Odd(kind="pattern", what=what, fix=f"write {quoted(meant)}", safe=(meant,))


def _boundary(text: str) -> Iterator[Odd]:
    if re.search(r"\\b", text):
        what = r"\b is no edge between a latin letter and a Chinese one"
        yield Odd(kind="pattern", what=what, fix="a plain latin word is a whole word beside Chinese too")


def _slow(pattern: Pattern) -> Iterator[Odd]:
    for probe in _probes(pattern.expression):
        try:
            find(pattern, probe)
        except SlowPatternError:
            what = "takes too long on some texts and is given up there"
            fix = 'avoid repeats within repeats, as in "(a+)+": write "a+"'
            yield Odd(kind="slow", what=what, fix=fix)
            return


def _probes(expression: str) -> Iterator[str]:
    """Texts on which a careless expression takes its time: long runs of what it names, and no end."""
    letters = dict.fromkeys(re.findall(r"[^\W_]", re.sub(r"\\.|\(\?\w+\)", "", expression)))
    ending = "\n!" + "".join(letters)  # an engine looks first whether all that is needed is there
    for letter in [*list(letters)[:8], "a", "1", " ", "中"]:
        yield letter * 200 + ending
    yield "a 1," * 100 + ending


_LOOKS_AT_WORDS: tuple[Callable[[str], Iterator[Odd]], ...] = (_han, _width, _two, _borrowed)
_LOOKS_AT_PATTERNS: tuple[Callable[[str], Iterator[Odd]], ...] = (_flags, _boundary)
