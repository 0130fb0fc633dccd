"""Cut the part of config.toml that is about rules out of its text, and put another in its place.

The part is kept as written, comments included: [[rules]], [aliases] and [matching]. The rest of the file, with
its addresses and passwords, is never in it.
"""

from monitor.config.positions import RULE_TABLES, Block, blocks_of


def with_rule_part(text: str, part: str) -> str:
    """The text with these rules instead of its own, each table where the one of its name begins.

    A table that the text does not have comes before its rules, or at the end.
    """
    blocks, fresh = list(blocks_of(text)), [block for block in blocks_of(part) if block.table in RULE_TABLES]
    names = [block.table for block in blocks]
    end = names.index("rules") if "rules" in names else len(blocks)
    places = {table: names.index(table) if table in names else end for table in RULE_TABLES}
    made = ""
    for place, block in enumerate([*blocks, None]):
        for one in fresh:
            if places[one.table] == place:
                # The part was cut off without the empty lines before it; in the file they are the old table's.
                gap = _gap(block, made) if one is fresh[0] else ""
                made = _ended(made) + gap + one.text
        if block and block.table not in RULE_TABLES:
            made = (_ended(made) if made.strip() else made) + block.text
    if not blocks or blocks[-1].table not in RULE_TABLES:
        return made
    return made.rstrip("\r\n") + (text[len(text.rstrip("\r\n")) :] or "\n")


def behind_rules(text: str, tables: str) -> str:
    """The text with more rules behind its own; at the end when it has none."""
    blocks = list(blocks_of(text))
    last = max(
        (number for number, block in enumerate(blocks) if block.table == "rules"), default=len(blocks) - 1
    )
    before = _ended("".join(block.text for block in blocks[: last + 1]))
    after = "".join(block.text for block in blocks[last + 1 :])
    return before + _gap(None, before) + tables + after


def _gap(replaced: "Block | None", before: str) -> str:
    if replaced and replaced.table in RULE_TABLES:
        return replaced.text[: len(replaced.text) - len(replaced.text.lstrip("\r\n"))]
    return "" if not before.strip() or before.endswith("\n\n") else "\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
