"""Parse the `when` of a rule into an expression over words; an error points at the mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from monitor.errors import RuleError
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.words import FIELDS, AnyOf, Near, Word

# NOT binds before NEAR's words are joined by AND, AND before OR; words side by side are joined by AND.
_GRAMMAR = rf"""
    start: either
    ?either: both (_OR both)*
    ?both: denied (_AND? denied)*
    ?denied: _NOT denied -> denied | near
    ?near: atom (NEAR atom)?
    ?atom: "(" either ")" -> group | FIELD atom -> fielded | QUOTED -> quoted | (PATTERN | WORD) -> word
    _OR.3: /OR(?=[\s()"]|$)/
    _AND.3: /AND(?=[\s()"]|$)/
    _NOT.3: /NOT(?=[\s()"]|$)|[-!](?=[^\s)])/
    NEAR.3: /NEAR(\/\d+)?(?=[\s()"]|$)|~\d*(?=[\s()"]|$)/
    FIELD.3: /({"|".join(FIELDS)}):(?=\s*[("])/
    QUOTED.3: /"(\\.|[^"\\])*"/
    PATTERN.2: /(({"|".join(FIELDS)}):)?\/(\\.|\[(\\.|[^\]\\])*\]|[^\/\\\[])+\/[A-Za-z]*(?=[\s)]|$)/
    WORD: /[^\s()"!-][^\s()"]*/
    %ignore /\s+/
"""
_FULL_WIDTH = {"（": "(", "）": ")", "“": '"', "”": '"', "＂": '"'}
_DEEPEST = 50
_OPERATORS = {
    "&&": "AND",
    "&": "AND",
    "＆": "AND",
    "||": "OR",
    "|": "OR",
    "｜": "OR",
    "+": "AND",
    "＋": "AND",
}


@dataclass(frozen=True, slots=True)
class Is:
    """True where the word is found."""

    word: Word


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Both:
    """True where each part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where any part is."""

    parts: tuple[Expression, ...]


Expression = Is | Not | Both | Either


def parse_when(rule: str, text: str, aliases: Aliases) -> Expression:
    """Read an expression: AND OR NOT ( ) NEAR/8, `title:` before a word or a group, "…" around a phrase.

    Words side by side are joined by AND; `-word` and `!word` are NOT. Raises RuleError.
    """
    try:
        tree = _grammar().parse(text)
    except UnexpectedEOF:  # pragma: no cover - lark reports the end as a token
        raise RuleError(rule, text, "something is missing at the end", len(text)) from None
    except UnexpectedCharacters as error:
        column = error.pos_in_stream or 0
        raise RuleError(rule, text, _at_sign(text, column), column) from None
    except UnexpectedToken as error:
        what, column = _at_token(text, error.token)
        raise RuleError(rule, text, what, column) from None
    if (deep := _too_deep(tree)) is not None:
        raise RuleError(
            rule, text, f"parentheses and NOTs stand more than {_DEEPEST} deep in each other", deep
        )
    return _read(_Reader(rule, text, aliases), tree.children[0])


def _too_deep(tree: Tree[Token]) -> int | None:
    """The column where it is nested too deep for anybody to read, and for what recurses below."""
    level: list[Tree[Token]] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.children if isinstance(child, Tree)]
    return level[0].meta.start_pos if level else None


@cache
def _grammar() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def _at_sign(text: str, column: int) -> str:
    if text[column] == '"':
        return 'this quotation mark is not closed; add " behind the phrase'
    return f'a word is expected after "{text[column]}"; to look for the character itself, put it in quotation marks'


def _at_token(text: str, token: Token) -> tuple[str, int]:
    if token.type == "$END":
        if text.count("(") > text.count(")"):
            return 'this parenthesis is not closed; add ")"', _unclosed(text)
        return "a word is missing at the end", len(text.rstrip())
    column = token.start_pos or 0
    if token.type == "RPAR":
        if not re.sub(r"\s", "", text[:column]).endswith(("(", "AND", "OR", "NOT")):
            return 'this parenthesis was never opened; take it out or add "("', column
        return 'a word is missing before ")"', column
    # The grammar takes every other sign anywhere: this is a second NEAR.
    return f'"{token}" stands between two words or groups of words, and no third', column


def _unclosed(text: str) -> int:
    opened: list[int] = []
    for column, sign in enumerate(text):
        if sign == "(":
            opened.append(column)
        elif sign == ")" and opened:
            opened.pop()
    return opened[-1] if opened else len(text)


@dataclass(frozen=True, slots=True)
class _Reader:
    rule: str
    text: str
    aliases: Aliases

    def error(self, what: str, column: int) -> RuleError:
        return RuleError(self.rule, self.text, what, column)

    def word(self, written: str, column: int) -> Word:
        try:
            return parse_word(self.rule, written, self.aliases)
        except RuleError as error:
            if error.table != "rules":
                raise
            raise self.error(error.what, min(column + error.column, len(self.text))) from None


def _read(reader: _Reader, node: Tree[Token] | Token) -> Expression:
    assert isinstance(node, Tree)  # every rule of the grammar that is kept makes a tree
    make: dict[str, Callable[[_Reader, Tree[Token]], Expression]] = {
        "either": lambda reader, node: Either(tuple(_read(reader, child) for child in node.children)),
        "both": lambda reader, node: Both(tuple(_read(reader, child) for child in node.children)),
        "denied": lambda reader, node: Not(_read(reader, node.children[0])),
        "group": lambda reader, node: _read(reader, node.children[0]),
        "near": _near,
        "fielded": _fielded,
        "quoted": _quoted,
        "word": _word,
    }
    return make[node.data](reader, node)


def _word(reader: _Reader, node: Tree[Token]) -> Is:
    token = node.children[0]
    assert isinstance(token, Token)
    column = token.start_pos or 0
    for place, sign in enumerate(token) if token.type == "WORD" else ():
        if sign in _FULL_WIDTH:
            raise reader.error(
                f'"{sign}" is full-width; write {_FULL_WIDTH[sign]} or put the word in quotation marks',
                column + place,
            )
    if token in ("AND", "OR", "NEAR"):  # where a word belongs, the grammar takes them for one
        raise reader.error(f"a word is missing before {token}", column)
    if token.upper() in ("AND", "OR", "NOT", "NEAR"):
        raise reader.error(
            f'write {token.upper()} in capitals, or "{token}" in quotation marks for the word', column
        )
    if token in _OPERATORS:
        raise reader.error(f'write {_OPERATORS[token]} instead of "{token}"', column)
    if token in (f"{name}:" for name in FIELDS):
        raise reader.error(f'a word is expected after "{token}", without a space', column)
    return Is(reader.word(str(token), column))


def _quoted(reader: _Reader, node: Tree[Token]) -> Is:
    token = node.children[0]
    assert isinstance(token, Token)
    return Is(reader.word(re.sub(r"\\(.)", r"\1", token[1:-1]), (token.start_pos or 0) + 1))


def _fielded(reader: _Reader, node: Tree[Token]) -> Expression:
    field, inner = node.children
    return _within(_read(reader, inner), str(field).removesuffix(":"))


def _within(expression: Expression, field: str) -> Expression:
    """The same, asked of one field; a field nearer to the word stays."""
    match expression:
        case Is(word):
            return Is(
                word if word.fields else replace(word, written=f"{field}:{word.written}", fields=(field,))
            )
        case Not(part):
            return Not(_within(part, field))
        case Both(parts):
            return Both(tuple(_within(part, field) for part in parts))
        case either:
            return Either(tuple(_within(part, field) for part in either.parts))


def _near(reader: _Reader, node: Tree[Token]) -> Is:
    left, sign, right = node.children
    assert isinstance(sign, Token)
    distance = re.search(r"\d+", sign)
    if not distance:
        raise reader.error('say how near, in characters: "NEAR/8"', sign.end_pos or 0)
    sides: list[Word] = []
    for side in (left, right):
        word = _one_word(_read(reader, side))
        if word is None:
            raise reader.error(
                "only words, or words joined by OR, can be near each other", sign.start_pos or 0
            )
        sides.append(word)
    written = f"{sides[0].written} {sign} {sides[1].written}"
    return Is(Word(written, Near(sides[0], sides[1], int(distance[0]))))


def _one_word(expression: Expression) -> Word | None:
    """A word, or a group of words joined by OR as one; None for anything else."""
    match expression:
        case Is(word):
            return word
        case Either(parts):
            words = [one for part in parts if (one := _one_word(part))]
            if len(words) == len(parts):
                return Word(f"({' OR '.join(one.written for one in words)})", AnyOf(tuple(words)))
    return None


def words_of(expression: Expression, denied: bool = False) -> Iterator[tuple[Word, bool]]:
    """Every word, and whether it must not be there."""
    match expression:
        case Is(word):
            yield word, denied
        case Not(part):
            yield from words_of(part, not denied)
        case group:
            for one in group.parts:
                yield from words_of(one, denied)


def holds(expression: Expression, found: Callable[[Word], bool]) -> bool:
    """Is it true, when `found` says which words are there?"""
    match expression:
        case Is(word):
            return found(word)
        case Not(part):
            return not holds(part, found)
        case Both(parts):
            return all(holds(part, found) for part in parts)
        case either:
            return any(holds(part, found) for part in either.parts)
