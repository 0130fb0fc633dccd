"""Parse a word of a rule as the operator wrote it; an error points at the mistake."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from monitor.errors import RuleError
from monitor.rules.fold import fold
from monitor.rules.patterns import read_pattern
from monitor.rules.script import continues_words, simplified, vocabulary
from monitor.rules.words import FIELDS, AnyOf, Near, Plain, Spelling, Term, Word

FIELD = re.compile(rf"({'|'.join(FIELDS)}):\s*(?=\S)")
_PATTERN = re.compile(r"/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+)/([A-Za-z]*)(?=\s|$)")
_LOOSE_PATTERN = re.compile(r"/(.+)/([A-Za-z]*)", re.DOTALL)  # a slash inside without its backslash
_BEGINS_HERE = re.compile(rf"(?:(?<=\s)|^)(?:(?:{'|'.join(FIELDS)}):\s*)?(?=/)")
_UNFINDABLE = re.compile("[\0\ud800-\udfff]")
_NEAR = re.compile(r"\s+~(\d*)(?:\s+|$)")
_SIGNS = re.compile(r"[/~@＠:]|\s-")  # whatever gives a word another meaning than its letters have
_GUARD = re.compile(r"\s+-(?=\S)")


_DEEPEST = 10  # alias sets within each other


@dataclass(frozen=True, slots=True)
class Aliases:
    """The alias sets by folded name, as written. `within` are those being read just now: a set may not hold itself."""

    sets: Mapping[str, tuple[str, Sequence[str]]]
    within: tuple[str, ...] = ()
    known: dict[str, tuple[Word, ...]] = field(default_factory=dict)  # read before

    @classmethod
    def of(cls, written: Mapping[str, Sequence[str]]) -> "Aliases":
        """The sets of [aliases]: name -> words."""
        return cls({fold(name).text: (name, words) for name, words in written.items()})


_NO_ALIASES = Aliases({})


def parse_word(rule: str, written: str, aliases: Aliases = _NO_ALIASES) -> Word:
    """Read one word of a rule. Raises RuleError.

    `AI` is a whole word, `AI*` and `*GPT` are open on one side, `=AI` wants this case and width. A word in Chinese is
    found anywhere. `title:AI` asks one field, `A ~8 B` wants both near each other, `/…/i` is a regular expression,
    `@name` an alias set, and `宇宙 -珍珠宇宙` is 宇宙 except in 珍珠宇宙.
    """
    place = _Place(rule, written, aliases)
    if half := _UNFINDABLE.search(written):
        raise place.error("half a character (a lone surrogate) or NUL cannot be looked for", half.start())
    if not _SIGNS.search(written):  # the many; saves half the time of a compilation
        return Word(written, _plain(place, written.strip(), 0))
    word = _read(place, written, 0)
    return Word(written, word.term, word.fields, word.guards)


@dataclass(frozen=True, slots=True)
class _Place:
    """What is being read, to point into it."""

    rule: str
    whole: str
    aliases: Aliases

    def error(self, what: str, column: int) -> RuleError:
        return RuleError(
            self.rule, self.whole, what, column, table="aliases" if self.aliases.within else "rules"
        )


def _read(place: _Place, text: str, at: int) -> Word:
    """Read `text`, which begins in the whole at `at`."""
    at += len(text) - len(text.lstrip())
    text = text.strip()
    fields: tuple[str, ...] = ()
    if (named := FIELD.match(text)) and not text.startswith("="):
        fields, at, inner = (named[1],), at + named.end(), text[named.end() :]
    else:
        inner = text
    nears = list(_NEAR.finditer(_masked(inner)))
    if not nears:
        word = _guarded(place, inner, at)
        return Word(text, word.term, fields or word.fields, word.guards)
    near = nears[0]
    if len(nears) > 1:
        raise place.error(
            "two words can be near each other, not three; write a second word", at + nears[1].start(1) - 1
        )
    if not near[1]:
        raise place.error('say how near, in characters: "A ~8 B"', at + near.end(1) - 1)
    if near.start() == 0 or near.end() == len(inner):
        raise place.error('two words are expected, one on each side of "~"', at + near.start(1) - 1)
    left, right = _read(place, inner[: near.start()], at), _read(place, inner[near.end() :], at + near.end())
    return Word(text, Near(left, right, int(near[1])), fields)


def _masked(text: str) -> str:
    """The text with its regular expressions painted over, so that nothing in them is taken for a sign of ours."""
    begins = _BEGINS_HERE.search(text)
    while begins:
        end = begins.end()
        if found := _PATTERN.match(text, end) or (_LOOSE_PATTERN.fullmatch(text, end)):
            end = found.end()
            text = text[: begins.end()] + "x" * (end - begins.end()) + text[end:]
        begins = _BEGINS_HERE.search(text, end + 1)
    return text


def _guarded(place: _Place, text: str, at: int) -> Word:
    cuts = list(_GUARD.finditer(_masked(text)))
    ends = [*(cut.start() for cut in cuts), len(text)]
    starts = [0, *(cut.end() for cut in cuts)]
    pieces = [(text[start:end], at + start) for start, end in zip(starts, ends, strict=True)]
    guards = tuple(_read(place, guard, where) for guard, where in pieces[1:])
    return Word(text, _term(place, *pieces[0]), (), guards)


def _term(place: _Place, text: str, at: int) -> Term:
    if pattern := _PATTERN.fullmatch(text) or _LOOSE_PATTERN.fullmatch(text):
        return _pattern(place, pattern[1], pattern[2], at)
    if text.startswith("＠"):
        raise place.error(f'"＠" is full-width; an alias set is written "@{text[1:]}"', at)
    if text.startswith("@") and len(text) > 1:
        return _alias(place, text[1:].strip(), at)
    return _plain(place, text, at)


def _pattern(place: _Place, expression: str, flags: str, at: int) -> Term:
    try:
        return read_pattern(place.rule, place.whole, expression, flags, at + 1)
    except RuleError as error:
        raise place.error(error.what, error.column) from None


def _alias(place: _Place, name: str, at: int) -> Term:
    aliases, key = place.aliases, fold(name).text
    if key not in aliases.sets:
        names = [written for written, _ in aliases.sets.values()]
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        instead = (
            f'did you mean "@{near[0]}"?'
            if near
            else f'add it to [aliases], or write "=@{name}" for the character itself'
        )
        raise place.error(f'there is no alias set "{name}"; {instead}', at)
    if key in aliases.within:
        circle = " -> ".join(
            aliases.sets[one][0] for one in (*aliases.within[aliases.within.index(key) :], key)
        )
        raise place.error(f"this alias set holds itself: {circle}; take one of these out", at)
    if key not in aliases.known:
        written, words = aliases.sets[key]
        if len(aliases.within) == _DEEPEST:
            raise place.error(
                f"there are more than {_DEEPEST} sets within each other here; write the words", at
            )
        inner = Aliases(aliases.sets, (*aliases.within, key), aliases.known)
        read = [parse_word(written, word, inner) for word in words]
        aliases.known[key] = tuple(dict.fromkeys(one for word in read for one in _opened(word)))
    return AnyOf(aliases.known[key])


def _opened(word: Word) -> Sequence[Word]:
    """The words of a set that stands in another as it is; any other word, itself."""
    if isinstance(word.term, AnyOf) and not (word.fields or word.guards):
        return word.term.words
    return (word,)


def _plain(place: _Place, text: str, at: int) -> Term:
    exact = text.startswith("=") and len(text) > 1
    core = text.removeprefix("=") if exact else text
    open_left, open_right = core.startswith("*") and len(core) > 1, core.endswith("*") and len(core) > 1
    core = core.removeprefix("*") if open_left else core
    core = core.removesuffix("*") if open_right else core
    folded = fold(core).text
    if not folded.strip("*= "):
        raise place.error("there is nothing to look for", at)
    exactly = unicodedata.normalize("NFC", core) if exact else ""
    spellings = [_spelling(folded, open_left, open_right, exactly=exactly)]
    if not exact:
        spellings += [
            _spelling(text, open_left, open_right, traditional=_telling(other, folded))
            for other in vocabulary(core)
            if other != core and (text := fold(other).text) != folded
        ]
    return Plain(tuple(spellings))


def _telling(other: str, folded: str) -> str:
    """The traditional characters that make the other word another: 體 of 軟體平臺, and not 臺, which many write 台."""
    return "".join(sign for sign in other if simplified(sign) != sign and simplified(sign) not in folded)


def _spelling(
    text: str, open_left: bool, open_right: bool, exactly: str = "", traditional: str = ""
) -> Spelling:
    # Beside a sign no edge is asked for: C++ is found in C++17, .NET in 微软.NET.
    return Spelling(
        text=text,
        left=not open_left and continues_words(text[0]),
        right=not open_right and continues_words(text[-1]),
        exactly=exactly,
        traditional=traditional,
    )
