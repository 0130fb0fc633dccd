"""Which part of config.toml is about rules, and how is another put into its place?

The part is kept as written, comments included: [[rules]], [aliases] and [matching]. The rest of the file, with
its addresses and passwords, is never in it.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.toml_lines import table_heads

TABLES = ("rules", "aliases", "matching")
_REMARK = re.compile(r"\s*(#.*)?$")
_SWITCHED_OFF = re.compile(
    r"\s*#+\s*(\[|[\w.\"'-]+\s*=)"
)  # "# url = …": a line of the table above, not a remark


@dataclass(frozen=True, slots=True)
class _Block:
    """A table with the remarks before it; "" is what stands before the first."""

    table: str
    text: str


def rule_part(text: str) -> str:
    """The lines of a TOML text that are about rules, with the remarks before their tables; "" when there are none."""
    part = "".join(block.text for block in _blocks(text) if block.table in TABLES)
    end = "\r\n" if "\r\n" in part else "\n"
    return part.strip("\r\n") + end if part.strip() else ""


def with_rule_part(text: str, part: str) -> str:
    """The text with these rules instead of its own, each table where the one of its name begins.

    A table that the text does not have comes before its rules, or at the end.
    """
    blocks, fresh = list(_blocks(text)), [block for block in _blocks(part) if block.table in TABLES]
    names = [block.table for block in blocks]
    end = names.index("rules") if "rules" in names else len(blocks)
    places = {table: names.index(table) if table in names else end for table in TABLES}
    made = ""
    for place, block in enumerate([*blocks, None]):
        for one in fresh:
            if places[one.table] == place:
                # The part was cut off without the empty lines before it; in the file they are the old table's.
                gap = _gap(block, made) if one is fresh[0] else ""
                made = _ended(made) + gap + one.text
        if block and block.table not in TABLES:
            made = (_ended(made) if made.strip() else made) + block.text
    if not blocks or blocks[-1].table not in TABLES:
        return made
    return made.rstrip("\r\n") + (text[len(text.rstrip("\r\n")) :] or "\n")


def behind_rules(text: str, tables: str) -> str:
    """The text with more rules behind its own; at the end when it has none."""
    blocks = list(_blocks(text))
    last = max(
        (number for number, block in enumerate(blocks) if block.table == "rules"), default=len(blocks) - 1
    )
    before = _ended("".join(block.text for block in blocks[: last + 1]))
    after = "".join(block.text for block in blocks[last + 1 :])
    return before + _gap(None, before) + tables + after


def _gap(replaced: "_Block | None", before: str) -> str:
    if replaced and replaced.table in TABLES:
        return replaced.text[: len(replaced.text) - len(replaced.text.lstrip("\r\n"))]
    return "" if not before.strip() or before.endswith("\n\n") else "\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def only(text: str, table: str) -> str:
    """The lines of one table, whatever is wrong with the rest of the text."""
    return "".join(block.text for block in _blocks(text) if block.table == table)


def _blocks(text: str) -> Iterator[_Block]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    table, start = "", 0
    for number, name in table_heads(text, broken=_is_broken(text)):
        first = _with_remarks(lines, start, number - 1)
        yield _Block(table, "".join(lines[start:first]))
        table, start = name.partition(".")[0].strip("\"' "), first
    yield _Block(table, "".join(lines[start:]))


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
