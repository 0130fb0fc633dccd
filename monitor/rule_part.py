"""Which part of config.toml is about rules, and how is another put into its place?

The part is kept as written, comments included: [[rules]], [aliases] and [matching]. The rest of the file, with
its addresses and passwords, is never in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.toml_lines import table_heads

TABLES = ("rules", "aliases", "matching")
_REMARK = re.compile(r"\s*(#.*)?$")
_SWITCHED_OFF = re.compile(r"\s*#+\s*(\[|[\w.\"'-]+\s*=)")  # "# url = …": a line of the table above, not a remark


@dataclass(frozen=True, slots=True)
class _Block:
    """A table with the remarks before it; "" is what stands before the first."""

    table: str
    lines: tuple[str, ...]


def rule_part(text: str) -> str:
    """The lines of a TOML text that are about rules, with the remarks before their tables; "" when there are none."""
    part = "".join(line for block in _blocks(text) if block.table in TABLES for line in block.lines)
    end = "\r\n" if "\r\n" in part else "\n"
    return part.strip("\r\n") + end if part.strip() else ""


def with_rule_part(text: str, part: str) -> str:
    """The text with these rules in the place where its own begin; at the end when it has none."""
    blocks = list(_blocks(text))
    ours = [number for number, block in enumerate(blocks) if block.table in TABLES]
    at = ours[0] if ours else len(blocks)
    before, own, after = (
        "".join(line for block in some for line in block.lines)
        for some in (
            blocks[:at],
            [blocks[number] for number in ours],
            [block for block in blocks[at:] if block.table not in TABLES],
        )
    )
    start = own[: len(own) - len(own.lstrip("\r\n"))] if own.strip() else _gap(before)
    end = own[len(own.rstrip("\r\n")) :] if own.strip() else "\n"
    return before + start + part.strip("\r\n") + end + after


def _gap(before: str) -> str:
    """What sets apart rules that are put behind this text: one empty line."""
    return "\n" * (0 if not before.strip() else 2 - min(2, len(before) - len(before.rstrip("\n"))))


def only(text: str, table: str) -> str:
    """The lines of one table, whatever is wrong with the rest of the text."""
    return "".join(line for block in _blocks(text) if block.table == table for line in block.lines)


def _blocks(text: str) -> Iterator[_Block]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    table, start = "", 0
    for number, name in table_heads(text):
        first = _with_remarks(lines, start, number - 1)
        yield _Block(table, tuple(lines[start:first]))
        table, start = name.partition(".")[0].strip("\"' "), first
    yield _Block(table, tuple(lines[start:]))


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
