"""Parse a word of a rule as the operator wrote it; an error points at the mistake."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.options import ENTRY_FIELDS
from monitor.errors import RuleError, RuleTable, nearest
from monitor.rules.fold import fold
from monitor.rules.patterns import read_pattern
from monitor.rules.script import continues_words, simplified, vocabulary
from monitor.rules.words import AnyOf, Near, Plain, Spelling, Term, Word
from monitor.texts import sentence

_FIELD = re.compile(rf"({'|'.join(ENTRY_FIELDS)}):\s*(?=\S)")
_PATTERN = re.compile(r"/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+)/([A-Za-z]*)(?=\s|$)")
_LOOSE_PATTERN = re.compile(r"/(.+)/([A-Za-z]*)", re.DOTALL)  # a slash inside without its backslash
_BEFORE_PATTERN = re.compile(rf"(?:(?<=\s)|^)(?:(?:{'|'.join(ENTRY_FIELDS)}):\s*)?(?=/)")
_UNFINDABLE = re.compile("[\0\ud800-\udfff]")
_NEAR = re.compile(r"\s+~(\d*)(?:\s+|$)")
_SPECIAL = re.compile(r"[/~@＠:]|\s-")  # whatever gives a word another meaning than its letters have
_GUARD = re.compile(r"\s+-(?=\S)")
_DEEPEST = 10  # alias sets within each other


@dataclass(frozen=True, slots=True)
class Aliases:
    """The alias sets as written, by folded name."""

    sets: Mapping[str, tuple[str, Sequence[str]]]
    within: tuple[str, ...] = ()  # those being parsed at this moment: a set may not hold itself
    parsed: dict[str, tuple[Word, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, written: Mapping[str, Sequence[str]]) -> "Aliases":
        """Return the sets of [aliases]: name -> words."""
        return cls({fold(name).text: (name, words) for name, words in written.items()})


_NO_ALIASES = Aliases({})


def parse_word(rule: str, written: str, aliases: Aliases = _NO_ALIASES) -> Word:
    """Parse one word of a rule. Raises RuleError.

    `AI` is a whole word, `AI*` and `*GPT` are open on one side, `=AI` asks for this case and width. A word in Chinese
    is found anywhere. `title:AI` asks one field, `A ~8 B` asks for both near each other, `/…/i` is a regular
    expression, `@name` an alias set, and `宇宙 -珍珠宇宙` is 宇宙 except in 珍珠宇宙.
    """
    source = _Source(rule, written, aliases)
    if surrogate := _UNFINDABLE.search(written):
        raise source.error(
            sentence("half a character (a lone surrogate) or NUL cannot be looked for"), surrogate.start()
        )
    if not _SPECIAL.search(written):  # nearly always; saves half the time of a compilation
        return Word(written, _plain(source, written.strip(), 0))
    word = _parse(source, written, 0)
    return Word(written, word.term, word.fields, word.guards)


@dataclass(frozen=True, slots=True)
class _Source:
    """The word being parsed, to point into it."""

    rule: str
    written: str
    aliases: Aliases

    def error(self, what: str, column: int, fix: str = "") -> RuleError:
        table: RuleTable = "aliases" if self.aliases.within else "rules"
        return RuleError(self.rule, self.written, what, column, fix=fix, table=table)


def _parse(source: _Source, text: str, column: int) -> Word:
    """Parse `text`, which begins in the whole word at `column`."""
    column += len(text) - len(text.lstrip())
    text = text.strip()
    fields: tuple[str, ...] = ()
    inner = text
    if (prefix := _FIELD.match(text)) and not text.startswith("="):
        fields, column, inner = (prefix[1],), column + prefix.end(), text[prefix.end() :]
    nears = list(_NEAR.finditer(_masked(inner)))
    if not nears:
        word = _guarded(source, inner, column)
        return Word(text, word.term, fields or word.fields, word.guards)
    near = nears[0]
    if len(nears) > 1:
        what = sentence("two words can be near each other, not three")
        raise source.error(what, column + nears[1].start(1) - 1, sentence("write a second word"))
    if not near[1]:
        raise source.error(sentence('say how near, in characters: "A ~8 B"'), column + near.end(1) - 1)
    if near.start() == 0 or near.end() == len(inner):
        raise source.error(
            sentence('two words are expected, one on each side of "~"'), column + near.start(1) - 1
        )
    left = _parse(source, inner[: near.start()], column)
    right = _parse(source, inner[near.end() :], column + near.end())
    return Word(text, Near(left, right, int(near[1])), fields)


def _masked(text: str) -> str:
    """Return the text with its regular expressions painted over, so that nothing in them is taken for syntax."""
    before = _BEFORE_PATTERN.search(text)
    while before:
        end = before.end()
        if pattern := _PATTERN.match(text, end) or (_LOOSE_PATTERN.fullmatch(text, end)):
            end = pattern.end()
            text = text[: before.end()] + "x" * (end - before.end()) + text[end:]
        before = _BEFORE_PATTERN.search(text, end + 1)
    return text


def _guarded(source: _Source, text: str, column: int) -> Word:
    cuts = list(_GUARD.finditer(_masked(text)))
    ends = [*(cut.start() for cut in cuts), len(text)]
    starts = [0, *(cut.end() for cut in cuts)]
    pieces = [(text[start:end], column + start) for start, end in zip(starts, ends, strict=True)]
    guards = tuple(_parse(source, guard, guard_column) for guard, guard_column in pieces[1:])
    return Word(text, _term(source, *pieces[0]), (), guards)


def _term(source: _Source, text: str, column: int) -> Term:
    if pattern := _PATTERN.fullmatch(text) or _LOOSE_PATTERN.fullmatch(text):
        return _pattern(source, pattern[1], pattern[2], column)
    if text.startswith("＠"):
        fix = sentence('an alias set is written "@{name}"', name=text[1:])
        raise source.error(sentence('"＠" is full-width'), column, fix)
    if text.startswith("@") and len(text) > 1:
        return _alias_set(source, text[1:].strip(), column)
    return _plain(source, text, column)


def _pattern(source: _Source, expression: str, flags: str, column: int) -> Term:
    try:
        return read_pattern(source.rule, source.written, expression, flags, column + 1)
    except RuleError as error:
        raise source.error(error.what, error.column, error.fix) from None


def _alias_set(source: _Source, name: str, column: int) -> Term:
    aliases, key = source.aliases, fold(name).text
    if key not in aliases.sets:
        close = nearest(name, [written for written, _ in aliases.sets.values()])
        fix = sentence('add it to [aliases], or write "=@{name}" for the character itself', name=name)
        fix = sentence('did you mean "@{name}"?', name=close) if close else fix
        raise source.error(sentence('there is no alias set "{name}"', name=name), column, fix)
    if key in aliases.within:
        circle = [*aliases.within[aliases.within.index(key) :], key]
        names = " -> ".join(aliases.sets[member][0] for member in circle)
        what = sentence("this alias set holds itself: {names}", names=names)
        raise source.error(what, column, sentence("take one of these out"))
    if key not in aliases.parsed:
        if len(aliases.within) == _DEEPEST:
            what = sentence("there are more than {number} sets within each other here", number=_DEEPEST)
            raise source.error(what, column, sentence("write the words"))
        aliases.parsed[key] = _words_of_set(aliases, key)
    return AnyOf(aliases.parsed[key])


def _words_of_set(aliases: Aliases, key: str) -> tuple[Word, ...]:
    """Return the words of an alias set; those of a set that stands in it as it is are among them."""
    name, written = aliases.sets[key]
    inside = Aliases(aliases.sets, (*aliases.within, key), aliases.parsed)
    members: dict[Word, None] = {}
    for word in [parse_word(name, member, inside) for member in written]:
        if isinstance(word.term, AnyOf) and not (word.fields or word.guards):
            members.update(dict.fromkeys(word.term.words))
        else:
            members[word] = None
    return tuple(members)


def _plain(source: _Source, text: str, column: int) -> Term:
    exact = text.startswith("=") and len(text) > 1
    core = text.removeprefix("=") if exact else text
    open_left, open_right = core.startswith("*") and len(core) > 1, core.endswith("*") and len(core) > 1
    core = core.removeprefix("*") if open_left else core
    core = core.removesuffix("*") if open_right else core
    folded = fold(core).text
    if not folded.strip("*= "):
        raise source.error(sentence("there is nothing to look for"), column)
    if exact:
        return Plain((_spelling(folded, open_left, open_right, exact=unicodedata.normalize("NFC", core)),))
    spellings = [_spelling(folded, open_left, open_right)]
    for regional in vocabulary(core):
        if regional != core and (regional_folded := fold(regional).text) != folded:
            traditional = _distinctive(regional, folded)
            spellings.append(_spelling(regional_folded, open_left, open_right, traditional=traditional))
    return Plain(tuple(spellings))


def _distinctive(regional: str, folded: str) -> str:
    """Return the traditional characters that make it another word: 體 of 軟體平臺, and not 臺, which many write 台."""
    return "".join(
        character
        for character in regional
        if simplified(character) != character and simplified(character) not in folded
    )


def _spelling(
    text: str, open_left: bool, open_right: bool, exact: str = "", traditional: str = ""
) -> Spelling:
    # Beside punctuation no edge is asked for: C++ is found in C++17, .NET in 微软.NET.
    return Spelling(
        text=text,
        closed_left=not open_left and continues_words(text[0]),
        closed_right=not open_right and continues_words(text[-1]),
        exact=exact,
        traditional=traditional,
    )
