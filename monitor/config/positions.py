"""Locate the tables, keys, values, array items and comments of a TOML text, and point at what is wrong in one.

tomllib gives values without places. This reads the text once more, only for table heads and the first line
of each key; values are skipped with their strings and brackets balanced.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

RULE_TABLES = ("rules", "aliases", "matching")
_REMARK = re.compile(r"\s*(#.*)?$")
_SWITCHED_OFF = re.compile(
    r"\s*#+\s*(\[|[\w.\"'-]+\s*=)"
)  # "# url = …": a line of the table above, not a remark

_HEAD = re.compile(r"^\s*(\[\[|\[)\s*([^\[\]]+?)\s*(\]\]|\])\s*(#.*)?$")
_PLAIN_HEAD = re.compile(r"(\[[A-Za-z_]+\]|\[\[[A-Za-z_]+\]\])\s*(#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*[A-Za-z0-9_-]+)*\s*=""")
# What can open or close inside a value: strings first, so that a bracket in a string does not count.
_PARTS = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*$|[\[\]{}]')


@dataclass(frozen=True, slots=True)
class Lines:
    """Line numbers (from 1) by table, index within an array of tables, and key ("" is the table's head)."""

    places: Mapping[tuple[str, int, str], int]

    def find(self, table: str, index: int = 0, key: str = "") -> int | None:
        """The line of a key, else that of its table's head, else None."""
        return self.places.get((table, index, key)) or self.places.get((table, index, ""))


def lines_of(text: str) -> Lines:
    """Read the places out of a TOML text; of a broken one, as many as can be made out."""
    places: dict[tuple[str, int, str], int] = {}
    counts: dict[str, int] = {}
    table, index = "", 0
    for number, found in _outside_values(text):
        if found.re is _KEY:
            places.setdefault((table, index, found[1].strip("\"'")), number)
            continue
        table, index = found[2].strip("\"' "), 0
        if found[1] == "[[":
            index = counts[table] = counts.get(table, -1) + 1
        places.setdefault((table, index, ""), number)
    return Lines(places)


def table_heads(text: str, *, broken: bool = False) -> Iterator[tuple[int, str]]:
    """The lines on which a table begins, with its name as written.

    In a text that is `broken`, what looks like a head is one: a bracket or a quote that was never closed shall
    not swallow the tables behind it.
    """
    found = _outside_values(text, everywhere=broken)
    return ((number, match[2]) for number, match in found if match.re is _HEAD)


def _outside_values(text: str, *, everywhere: bool = False) -> Iterator[tuple[int, "re.Match[str]"]]:
    """Each head and each key, with its line. A line ends at a line feed, as tomllib counts."""
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if (depth == 0 and not quote) or (everywhere and _PLAIN_HEAD.match(line)):
            if head := _HEAD.match(line):
                depth, quote = 0, ""
                yield number, head
                continue
            if key := _KEY.match(line):
                yield number, key
                line = line[key.end() :]
        depth, quote = _after(line, depth, quote)


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Bracket depth and open multi-line quote at the end of a line."""
    while quote:
        _, found, line = line.partition(quote)
        if not found:
            return depth, quote
        quote = ""
    at = 0
    while part := _PARTS.search(line, at):
        at = part.end()
        if part[0] in ('"""', "'''"):
            _, found, rest = line[at:].partition(part[0])
            if not found:
                return depth, part[0]
            line, at = rest, 0
        elif part[0] in "[{":
            depth += 1
        elif part[0] in "]}":
            depth = max(0, depth - 1)
    return depth, ""


def rule_part(text: str) -> str:
    """The lines of a TOML text that are about rules, with the remarks before their tables; "" when there are none."""
    part = "".join(block.text for block in blocks_of(text) if block.table in RULE_TABLES)
    end = "\r\n" if "\r\n" in part else "\n"
    return part.strip("\r\n") + end if part.strip() else ""


def only(text: str, table: str) -> str:
    """The lines of one table, whatever is wrong with the rest of the text."""
    return "".join(block.text for block in blocks_of(text) if block.table == table)


@dataclass(frozen=True, slots=True)
class Block:
    """A table with the remarks before it; "" is what stands before the first."""

    table: str
    text: str


def blocks_of(text: str) -> Iterator[Block]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    table, start = "", 0
    for number, name in table_heads(text, broken=_is_broken(text)):
        first = _with_remarks(lines, start, number - 1)
        yield Block(table, "".join(lines[start:first]))
        table, start = name.partition(".")[0].strip("\"' "), first
    yield Block(table, "".join(lines[start:]))


def _is_broken(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return True
    return False


def _with_remarks(lines: Sequence[str], start: int, head: int) -> int:
    """Where the remarks begin that belong to the table whose head is at `head`.

    Those that follow a line of the table above, with no empty line between, are about that table.
    """
    first = head
    for place in range(head - 1, start - 1, -1):
        if not _REMARK.match(lines[place]) or _SWITCHED_OFF.match(lines[place]):
            break
        if not lines[place].strip() or place == 0:
            first = place
    return first


_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_UNQUOTED = re.compile(r"\s*([^\s\"'=#]*[^\x00-\x7f][^\s\"'=#]*)\s*=")
# What tomllib says, and what it mostly comes from.
_ADVICE = {
    "Illegal character '\\n'": "A quotation mark is missing on this line.",
    "Unclosed array": "A comma, a quotation mark or a bracket is missing here or before.",
    "Unescaped '\\' in a string": "Write \\\\ for each \\, or put single quotation marks around the word: '/gpt-\\d/'.",
    "Cannot overwrite a value": "This name stands in the table twice: take one of the two out.",
    "Invalid value": "A text stands in quotation marks, a list in brackets.",
}


def trouble(error: tomllib.TOMLDecodeError, text: str) -> tuple[int | None, str]:
    """The line, where it is known, and what to tell: with the line itself and a caret under the place."""
    said = str(error)
    found = _PLACE.search(said)
    what = said[: found.start()] if found else said
    told = f"this is not TOML: {what}."
    advice = next((advice for begin, advice in _ADVICE.items() if what.startswith(begin)), "")
    if found is None:
        return None, f"{told} {advice}".rstrip()
    number, column = int(found[1]), int(found[2]) - 1
    line = text.split("\n")[number - 1].removesuffix("\r")
    if name := _UNQUOTED.match(line):
        advice = f'A name with such signs stands in quotation marks: "{name[1]}" = …'
    return number, f"{told} {advice}".rstrip() + caret(line, column)


def caret(line: str, column: int) -> str:
    """Two lines to put behind a message: the text, and a caret under one of its signs, as wide as it is shown."""
    indent = len(line) - len(line.lstrip())
    before = ("\u3000" if east_asian_width(sign) in "WF" else " " for sign in line[indent:column])
    return f"\n    {line.lstrip()}\n    {''.join(before)}^"
