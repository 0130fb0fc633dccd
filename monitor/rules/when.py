"""Parse the `when` of a rule into an expression over words; an error points at the mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from monitor.config.options import ENTRY_FIELDS
from monitor.errors import RuleError
from monitor.rules.expression import And, Contains, Expression, Not, Or
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.words import AnyOf, Near, Word
from monitor.texts import sentence

_FIELDS = "|".join(ENTRY_FIELDS)
# NOT binds before NEAR's words are joined by AND, AND before OR; words side by side are joined by AND.
_GRAMMAR = rf"""
    start: or
    ?or: and (_OR and)*
    ?and: not (_AND? not)*
    ?not: _NOT not -> not | near
    ?near: atom (NEAR atom)?
    ?atom: "(" or ")" -> group | FIELD atom -> fielded | QUOTED -> quoted | (PATTERN | WORD) -> word
    _OR.3: /OR(?=[\s()"]|$)/
    _AND.3: /AND(?=[\s()"]|$)/
    _NOT.3: /NOT(?=[\s()"]|$)|[-!](?=[^\s)])/
    NEAR.3: /NEAR(\/\d+)?(?=[\s()"]|$)|~\d*(?=[\s()"]|$)/
    FIELD.3: /({_FIELDS}):(?=\s*[("])/
    QUOTED.3: /"(\\.|[^"\\])*"/
    PATTERN.2: /(({_FIELDS}):)?\/(\\.|\[(\\.|[^\]\\])*\]|[^\/\\\[])+\/[A-Za-z]*(?=[\s)]|$)/
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


def parse_when(rule: str, text: str, aliases: Aliases) -> Expression:
    """Parse an expression: AND OR NOT ( ) NEAR/8, `title:` before a word or a group, "…" around a phrase.

    Words side by side are joined by AND; `-word` and `!word` are NOT. Raises RuleError.
    """
    try:
        tree = _grammar().parse(text)
    except UnexpectedEOF:  # pragma: no cover - lark reports the end as a token
        raise RuleError(rule, text, sentence("something is missing at the end"), len(text)) from None
    except UnexpectedCharacters as error:
        raise _error_at_character(rule, text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        raise _error_at_token(rule, text, error.token) from None
    if (column := _too_deep(tree)) is not None:
        what = sentence("parentheses and NOTs stand more than {number} deep in each other", number=_DEEPEST)
        raise RuleError(rule, text, what, column)
    return _build(_Source(rule, text, aliases), tree.children[0])


@cache
def _grammar() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def _error_at_character(rule: str, text: str, column: int) -> RuleError:
    if text[column] == '"':
        what, fix = sentence("this quotation mark is not closed"), sentence('add " after the phrase')
    else:
        what = sentence('a word is expected after "{character}"', character=text[column])
        fix = sentence("to look for the character itself, put it in quotation marks")
    return RuleError(rule, text, what, column, fix=fix)


def _error_at_token(rule: str, text: str, token: Token) -> RuleError:
    column = token.start_pos or 0
    if token.type == "$END":
        if text.count("(") > text.count(")"):
            what = sentence("this parenthesis is not closed")
            return RuleError(rule, text, what, _unclosed(text), fix=sentence('add ")"'))
        return RuleError(rule, text, sentence("a word is missing at the end"), len(text.rstrip()))
    if token.type == "RPAR":
        if re.sub(r"\s", "", text[:column]).endswith(("(", "AND", "OR", "NOT")):
            return RuleError(rule, text, sentence('a word is missing before ")"'), column)
        what = sentence("this parenthesis was never opened")
        return RuleError(rule, text, what, column, fix=sentence('take it out or add "("'))
    # The grammar takes every other character anywhere: this is a second NEAR.
    what = sentence('"{token}" stands between two words or groups of words, and no third', token=str(token))
    return RuleError(rule, text, what, column)


def _unclosed(text: str) -> int:
    """Return the column of the last parenthesis that is never closed."""
    opened: list[int] = []
    for column, character in enumerate(text):
        if character == "(":
            opened.append(column)
        elif character == ")" and opened:
            opened.pop()
    return opened[-1] if opened else len(text)


def _too_deep(tree: Tree[Token]) -> int | None:
    """Return the column where it is nested too deep for anybody to read, and for what recurses below; else None."""
    level: list[Tree[Token]] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.children if isinstance(child, Tree)]
    return level[0].meta.start_pos if level else None


@dataclass(frozen=True, slots=True)
class _Source:
    """The expression being parsed, to point into it."""

    rule: str
    text: str
    aliases: Aliases

    def error(self, what: str, column: int, fix: str = "") -> RuleError:
        return RuleError(self.rule, self.text, what, column, fix=fix)

    def word(self, written: str, column: int) -> Word:
        try:
            return parse_word(self.rule, written, self.aliases)
        except RuleError as error:
            if error.table != "rules":
                raise
            raise self.error(error.what, min(column + error.column, len(self.text)), error.fix) from None


def _build(source: _Source, node: Tree[Token] | Token) -> Expression:
    assert isinstance(node, Tree)  # every rule of the grammar that is kept makes a tree
    build: dict[str, Callable[[_Source, Tree[Token]], Expression]] = {
        "or": lambda source, node: Or(tuple(_build(source, child) for child in node.children)),
        "and": lambda source, node: And(tuple(_build(source, child) for child in node.children)),
        "not": lambda source, node: Not(_build(source, node.children[0])),
        "group": lambda source, node: _build(source, node.children[0]),
        "near": _near,
        "fielded": _fielded,
        "quoted": _quoted,
        "word": _word,
    }
    return build[node.data](source, node)


def _word(source: _Source, node: Tree[Token]) -> Contains:
    token = node.children[0]
    assert isinstance(token, Token)
    column = token.start_pos or 0
    if token.type == "WORD":
        _refuse_full_width(source, token, column)
    if token in ("AND", "OR", "NEAR"):  # where a word belongs, the grammar takes them for one
        raise source.error(sentence("a word is missing before {token}", token=str(token)), column)
    if token.upper() in ("AND", "OR", "NOT", "NEAR"):
        what = sentence(
            'write {operator} in capitals, or "{token}" in quotation marks for the word',
            operator=token.upper(),
            token=str(token),
        )
        raise source.error(what, column)
    if token in _OPERATORS:
        values = {"operator": _OPERATORS[token], "token": str(token)}
        raise source.error(sentence('write {operator} instead of "{token}"', **values), column)
    if token.endswith(":") and token[:-1] in ENTRY_FIELDS:
        what = sentence('a word is expected after "{token}", without a space', token=str(token))
        raise source.error(what, column)
    return Contains(source.word(str(token), column))


def _refuse_full_width(source: _Source, token: Token, column: int) -> None:
    for index, character in enumerate(token):
        if character in _FULL_WIDTH:
            meant = _FULL_WIDTH[character]
            fix = sentence("write {character} or put the word in quotation marks", character=meant)
            what = sentence('"{character}" is full-width', character=character)
            raise source.error(what, column + index, fix)


def _quoted(source: _Source, node: Tree[Token]) -> Contains:
    token = node.children[0]
    assert isinstance(token, Token)
    return Contains(source.word(re.sub(r"\\(.)", r"\1", token[1:-1]), (token.start_pos or 0) + 1))


def _fielded(source: _Source, node: Tree[Token]) -> Expression:
    field, inner = node.children
    return _within(_build(source, inner), str(field).removesuffix(":"))


def _within(expression: Expression, field: str) -> Expression:
    """Return the same, asked of one field; a field nearer to the word stays."""
    match expression:
        case Contains(word):
            if word.fields:
                return expression
            return Contains(replace(word, written=f"{field}:{word.written}", fields=(field,)))
        case Not(part):
            return Not(_within(part, field))
        case And(parts):
            return And(tuple(_within(part, field) for part in parts))
        case disjunction:
            return Or(tuple(_within(part, field) for part in disjunction.parts))


def _near(source: _Source, node: Tree[Token]) -> Contains:
    left, operator, right = node.children
    assert isinstance(operator, Token)
    distance = re.search(r"\d+", operator)
    if not distance:
        raise source.error(sentence('say how near, in characters: "NEAR/8"'), operator.end_pos or 0)
    sides: list[Word] = []
    for side in (left, right):
        word = _as_one_word(_build(source, side))
        if word is None:
            what = sentence("only words, or words joined by OR, can be near each other")
            raise source.error(what, operator.start_pos or 0)
        sides.append(word)
    written = f"{sides[0].written} {operator} {sides[1].written}"
    return Contains(Word(written, Near(sides[0], sides[1], int(distance[0]))))


def _as_one_word(expression: Expression) -> Word | None:
    """Return a word, or a group of words joined by OR as one word; None for anything else."""
    match expression:
        case Contains(word):
            return word
        case Or(parts):
            words = tuple(filter(None, map(_as_one_word, parts)))
            if len(words) == len(parts):
                return Word(f"({' OR '.join(word.written for word in words)})", AnyOf(words))
    return None
