"""List what lint finds in the rules of a config.toml, each finding with its line."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from monitor.config.options import Config, Rule
from monitor.config.positions import Positions, read_positions
from monitor.config.reading import as_text, read_file
from monitor.loaded import LoadedConfig, content_hash_of
from monitor.rules.lint import Finding, lint, unasked
from monitor.rules.words import quoted

Placed = Sequence[tuple[int | None, Finding]]  # each with its line


def findings(config: Config) -> tuple[Finding, ...]:
    """What the rules alone say, without what is stored."""
    return (
        *lint(config.rules, config.aliases, config.matching.ignore),
        *unasked(config.rules, config.subscriptions),
    )


def findings_since(old: LoadedConfig, new: LoadedConfig) -> tuple[str, ...]:
    """What an edit has made odd, a line each."""
    known = findings(old.config)
    found = [one for one in findings(new.config) if one not in known]
    # The file may have been edited once more: then its lines are others.
    text = as_text(read_file(new.path), new.path) if content_hash_of(new.path) == new.content_hash else ""
    return tuple(as_line(new.path.name, line, one) for line, one in placed(found, text, new.config.rules))


def placed(found: Iterable[Finding], text: str, rules: Sequence[Rule]) -> Placed:
    """The findings in the order of the file, each with the line of its word, else that of its key."""
    positions, indexes = read_positions(text), {rule.name: index for index, rule in enumerate(rules)}
    told = [
        (_line_of(one, positions, indexes.get(one.rule, 0) if one.table == "rules" else 0), one)
        for one in found
    ]
    return sorted(told, key=lambda each: each[0] or 0)


def _line_of(finding: Finding, positions: Positions, index: int) -> int | None:
    """Return the line of a finding's word in a list, or in a text that goes over several lines; else of its key."""
    key = positions.key(finding.table, index, finding.key)
    if key is None:
        return positions.line_of(finding.table, index)
    for item in positions.items(key.value):
        value = positions.read(item.value)
        if (value.get("word") if isinstance(value, dict) else value) == finding.word:
            return positions.line_at(item.value.start)
    for number, line in enumerate(
        positions.text[key.value.start : key.value.end].split("\n"), start=key.line
    ):
        if quoted(finding.word) in line or f"'{finding.word}'" in line:
            return number
    return key.line


def as_line(file: str, line: int | None, one: Finding) -> str:
    """A finding in words, the word as it stands in the file."""
    where = f'[[rules]] "{one.rule}"' if one.table == "rules" else f"[{one.table}]"
    place = f"line {line}, " if line else ""
    fix = f" Fix: {one.fix}." if one.fix else ""
    return f"{file}, {place}{where}, {one.key}: {quoted(one.word)} {one.what}.{fix}"


def values(told: Placed) -> list[dict[str, Any]]:
    """The findings for programs."""
    return [{"line": line, **asdict(one)} for line, one in told]
