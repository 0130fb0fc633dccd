"""Locate the tables, keys, values, array items and comments of a TOML text, and point at what is wrong in one.

tomllib gives values without places. `read_positions` reads the text once more and gives the places. It also reads a
broken text: what it cannot make out it leaves out, and a bracket or quotation mark that was never closed does not
hide the tables behind it. An offset counts characters from 0; a line number counts from 1, and a line ends at a line
feed, as tomllib counts.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args
from unicodedata import east_asian_width

from monitor.errors import RuleTable

RULE_TABLES: tuple[str, ...] = get_args(RuleTable)

Span = tuple[int, int]  # offsets: text[start:end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What stands behind the "=" of a key, or in an array: text[start:end]."""

    start: int
    end: int
    kind: Literal["array", "table", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A value in an array, or of a key in an inline table, with the comma and the comment that follow it."""

    key: tuple[str, ...] = ()  # in an inline table
    value: Value
    comma: int | None  # its offset
    comment: Span | None  # on the line of the value or of its comma


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The head of a table: text[start:end]. The first of a text, named "", has none: it begins with the text."""

    name: str  # of a dotted name its parts, joined by "."
    index: int = 0  # among the tables of an array; 0 for a table that is in none
    start: int = 0
    end: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key (with several names when it is dotted), its value, and the comment behind the value on its line."""

    table: Table
    names: tuple[str, ...]
    start: int
    line: int
    value: Value
    comment: Span | None


class Positions:
    """The places in a text: its tables, their keys, and all comments, each in the order of the text."""

    def __init__(
        self, text: str, tables: Sequence[Table], keys: Sequence[Key], comments: Sequence[Span]
    ) -> None:
        self.text, self.tables, self.keys, self.comments = text, tables, keys, comments
        self._tables = {(table.name, table.index): table for table in reversed(tables)}
        self._keys = {(key.table.name, key.table.index, key.names[0]): key for key in reversed(keys)}

    def table(self, name: str, index: int = 0) -> Table | None:
        """Return a table, of several with one name the first; None when the text has no head for it."""
        return self._tables.get((name, index)) if name else None

    def key(self, table: str, index: int, name: str) -> Key | None:
        """Return a key of a table by its name, a dotted key by its first; None when it is not there."""
        return self._keys.get((table, index, name))

    def line_of(self, table: str, index: int = 0, key: str = "") -> int | None:
        """Return the line of a key, else that of its table's head, else None."""
        place = self.key(table, index, key) or self.table(table, index)
        return place.line if place else None

    def line_at(self, offset: int) -> int:
        """Return the line of an offset."""
        return self.text.count("\n", 0, offset) + 1

    def items(self, container: Value) -> list[Item]:
        """Return the items of an array, or the values of an inline table with their keys; of others nothing."""
        return list(_Scanner(self.text).items(container)) if container.kind != "other" else []

    def read(self, value: Value) -> Any:
        """Return what a value means. Raises TOMLDecodeError when it is broken."""
        return tomllib.loads(f"value = {self.text[value.start : value.end]}")["value"]


def read_positions(text: str) -> Positions:
    """Read the places out of a TOML text; of a broken one, as many as can be made out."""
    scanner = _scanned(text)
    return Positions(text, scanner.tables, scanner.keys, scanner.comments)


def _scanned(text: str, *, heads_only: bool = False) -> "_Scanner":
    scanner = _Scanner(text, heads_only=heads_only)
    scanner.read(0, len(text))
    if not scanner.well_formed:
        # What looks like a head is one: nothing unclosed shall swallow the tables behind it.
        scanner = _Scanner(text, heads_only=heads_only)
        starts = [head.start() for head in _PLAIN_HEAD.finditer(text)]
        for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
            scanner.read(start, end)
    return scanner


_PLAIN_HEAD = re.compile(r"^(\[[A-Za-z_]+\]|\[\[[A-Za-z_]+\]\])[^\S\n]*(#.*)?$", re.MULTILINE)
_SPACES = re.compile(r"[ \t\r]*")
_BLANKS = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"#[^\r\n]*")
_LINE = r""""(?:\\[^\n]|[^"\\\n])*"|'[^'\n]*'"""  # a string on one line
_STRING = rf"""\"{{3}}(?s:\\.|[^\\])*?\"{{3,5}}|'{{3}}(?s:.)*?'{{3,5}}|(?!\"{{3}}|'{{3}})(?:{_LINE})"""
_SCALAR = re.compile(rf"""{_STRING}|[^\s"'#\[\]{{}},=]+(?: [0-9][0-9:.Z+-]*)?""")
_NAME = re.compile(rf"""{_LINE}|[^\s"'#\[\]{{}},=.]+""")
_NAMES = rf"(?:{_NAME.pattern})(?:[ \t]*\.[ \t]*(?:{_NAME.pattern}))*"
_KEY = re.compile(rf"({_NAMES})[ \t]*=[ \t]*")
_HEAD = re.compile(rf"\[(\[)?[ \t]*({_NAMES})[ \t]*\](?(1)\])")
# Lines of nearly every table: a name, and a string or a word without anything that may mean more.
_PLAIN_LINES = re.compile(r"""(?:[A-Za-z_]+ = (?:"[^"\\\r\n]*"|[a-z0-9]+)\n)+""")
_BROKEN_HEAD = re.compile(r"\[(\[?)[ \t]*([^\W\d][^\]\n]*)\]*")
# What may open or close in a value; a quotation mark by itself is one that is never closed.
_PART = re.compile(rf"""{_STRING}|{_COMMENT.pattern}|[\[\]{{}}]|\"{{3}}|'{{3}}|["']""")


class _Scanner:
    """Goes through a text once, and collects tables, keys and comments."""

    def __init__(self, text: str, *, heads_only: bool = False) -> None:
        self.tables = [Table(name="")]
        self.keys: list[Key] = []
        self.comments: list[Span] = []
        self.well_formed = True  # brackets, quotation marks and line ends stand where TOML has them
        self._text, self._at, self._end = text, 0, len(text)
        self._heads_only = heads_only  # the others may be left out
        self._counts: dict[str, int] = {}  # of the tables of each array
        self._counted, self._line = 0, 1  # an offset, and the line there

    def read(self, start: int, end: int) -> None:
        """Read text[start:end], which begins outside of any value."""
        self._at, self._end = start, end
        while character := self._next(_BLANKS):
            if character == "#":
                self._comment()
            elif character == "[":
                self._head()
            elif self._heads_only and (plain := _PLAIN_LINES.match(self._text, self._at, self._end)):
                self._at = plain.end()
            else:
                self._statement()

    def items(self, container: Value) -> Iterator[Item]:
        """Read the items of an array, or the keys and values of an inline table."""
        self._at, self._end = container.start + 1, container.end - 1
        while self._next_behind_comments():
            key = _KEY.match(self._text, self._at, self._end) if container.kind == "table" else None
            self._at = key.end() if key else self._at
            value = self._value()
            if value is None:
                self._at += 1
                continue
            comment, comma = self._comment_on_line(), None
            if self._next_behind_comments() == ",":
                comma, self._at = self._at, self._at + 1
                comment = comment or self._comment_on_line()
            yield Item(key=_names(key[1]) if key else (), value=value, comma=comma, comment=comment)

    def _next(self, blanks: "re.Pattern[str]") -> str:
        """Pass blanks; return the character behind them, "" at the end."""
        if passed := blanks.match(self._text, self._at, self._end):
            self._at = passed.end()
        return self._text[self._at] if self._at < self._end else ""

    def _next_behind_comments(self) -> str:
        while (character := self._next(_BLANKS)) == "#":
            self._comment()
        return character

    def _comment(self) -> Span | None:
        """Pass a comment, if one stands here."""
        comment = _COMMENT.match(self._text, self._at, self._end)
        if comment is None:
            return None
        self._at = comment.end()
        self.comments.append(comment.span())
        return comment.span()

    def _comment_on_line(self) -> Span | None:
        return self._comment() if self._next(_SPACES) == "#" else None

    def _end_of_line(self) -> Span | None:
        """Pass what is left of a line; return the comment there."""
        comment = self._comment_on_line()
        if self._next(_SPACES) not in ("\n", ""):
            self.well_formed = False
            newline = self._text.find("\n", self._at, self._end)
            self._at = newline if newline >= 0 else self._end
        return comment

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _head(self) -> None:
        head = _HEAD.match(self._text, self._at, self._end)
        if head is None:
            self.well_formed = False
            head = _BROKEN_HEAD.match(self._text, self._at, self._end)
        if head:
            name, index = ".".join(_names(head[2])), 0
            if head[1]:
                index = self._counts[name] = self._counts.get(name, -1) + 1
            start, end = head.span()
            self.tables.append(Table(name=name, index=index, start=start, end=end, line=self._line_here()))
            self._at = end
        self._end_of_line()

    def _statement(self) -> None:
        start, line = self._at, self._line_here()
        key = _KEY.match(self._text, self._at, self._end)
        self._at = key.end() if key else self._at
        value = self._value() if key else None
        comment = self._end_of_line()
        if key and value:
            names = _names(key[1])
            table = self.tables[-1]
            self.keys.append(
                Key(table=table, names=names, start=start, line=line, value=value, comment=comment)
            )

    def _value(self) -> Value | None:
        """Pass a value; None when none stands here."""
        start = self._at
        if self._text[start : start + 1] in ("[", "{") and start < self._end:
            kind: Literal["array", "table"] = "array" if self._text[start] == "[" else "table"
            self._pass_container()
            return Value(start=start, end=self._at, kind=kind)
        scalar = _SCALAR.match(self._text, start, self._end)
        if scalar is None:
            self.well_formed = False
            return None
        self._at = scalar.end()
        return Value(start=start, end=self._at, kind="other")

    def _pass_container(self) -> None:
        """Pass an array or an inline table; one that is never closed goes to the end."""
        depth = 0
        for part in _PART.finditer(self._text, self._at, self._end):
            if part[0] in "[{":
                depth += 1
            elif part[0] in "]}":
                depth -= 1
                if depth == 0:
                    self._at = part.end()
                    return
            elif part[0][0] == "#":
                self.comments.append(part.span())
            elif part[0] in ('"""', "'''"):
                break
            else:
                self.well_formed &= len(part[0]) > 1
        self.well_formed = False
        self._at = self._end


def _names(written: str) -> tuple[str, ...]:
    """Return the parts of a key, or of a table's name, unquoted."""
    parts = _NAME.findall(written) or [written.strip()]
    return tuple(_unquoted(part) if part[:1] in "\"'" else part for part in parts)


def _unquoted(part: str) -> str:
    if part.startswith('"') and "\\" in part:
        with suppress(tomllib.TOMLDecodeError):
            return str(tomllib.loads(f"value = {part}")["value"])
    return part[1:-1]


def rule_part(text: str) -> str:
    """Return the tables of a TOML text that are about rules, with the comments before them; "" without any."""
    part = "".join(block.text for block in blocks_of(text) if block.table in RULE_TABLES)
    end = "\r\n" if "\r\n" in part else "\n"
    return part.strip("\r\n") + end if part.strip() else ""


def only(text: str, table: str) -> str:
    """Return the lines of one table, whatever is wrong with the rest of the text."""
    return "".join(block.text for block in blocks_of(text) if block.table == table)


@dataclass(frozen=True, slots=True)
class Block:
    """A table's lines with the comments before them; "" names what stands before the first table."""

    table: str  # the first part of its name
    text: str


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the blocks of a text, also of a broken one; joined they are the text."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    name, start = "", 0
    for table in _scanned(text, heads_only=True).tables[1:]:
        first = _with_comments(lines, start, table.line - 1)
        yield Block(name, "".join(lines[start:first]))
        name, start = table.name.partition(".")[0], first
    yield Block(name, "".join(lines[start:]))


_COMMENT_OR_NOTHING = re.compile(r"\s*(#.*)?$")
# "# url = …" is a line of the table above, not a comment about the next.
_SWITCHED_OFF = re.compile(r"\s*#+\s*(\[|[\w.\"'-]+\s*=)")


def _with_comments(lines: Sequence[str], start: int, head: int) -> int:
    """Return the index of the first line, from `start` on, of the comments that belong to the head at `head`.

    Those that follow a line of the table above, with no empty line between, are about that table.
    """
    first = head
    for index in range(head - 1, start - 1, -1):
        if not _COMMENT_OR_NOTHING.match(lines[index]) or _SWITCHED_OFF.match(lines[index]):
            break
        if not lines[index].strip() or index == 0:
            first = index
    return first


def caret(line: str, column: int) -> str:
    """Return two lines to put behind a message: the text, and a caret under the character at `column` (from 0)."""
    indent = len(line) - len(line.lstrip())
    before = ("\u3000" if east_asian_width(character) in "WF" else " " for character in line[indent:column])
    return f"\n    {line.lstrip()}\n    {''.join(before)}^"
