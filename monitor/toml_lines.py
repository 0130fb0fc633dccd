"""On which line of a TOML text does a key stand?

tomllib gives values without places. This reads the text once more, only for table heads and the first line
of each key; values are skipped with their strings and brackets balanced.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
