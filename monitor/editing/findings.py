"""List what lint finds in the rules of a config.toml, each finding with its line, and apply the fixes that are safe."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from monitor.config.checked import content_hash_of
from monitor.config.options import Config, Rule
from monitor.config.positions import Positions, read_positions
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.edit import KeyPlace, drop_repeat, replace_word, words_of
from monitor.loaded import LoadedConfig
from monitor.rules.lint import Finding, lint, unasked
from monitor.rules.words import quoted
from monitor.texts import listed, sentence


class LocatedFinding(NamedTuple):
    """A finding, and the line of its word or key; None when the file has no such line."""

    line: int | None
    finding: Finding


def findings_of(config: Config) -> tuple[Finding, ...]:
    """Return what the rules alone say, without what is stored."""
    return (
        *lint(config.rules, config.aliases, config.matching.ignore),
        *unasked(config.rules, config.subscriptions),
    )


def describe_new_findings(old: LoadedConfig, new: LoadedConfig) -> tuple[str, ...]:
    """Return the findings that an edit has brought, a line each."""
    known = findings_of(old.config)
    new_findings = [finding for finding in findings_of(new.config) if finding not in known]
    # The file may have been edited once more: then its lines are others.
    text = as_text(read_file(new.path), new.path) if content_hash_of(new.path) == new.content_hash else ""
    located = locate_findings(new_findings, text, new.config.rules)
    return tuple(describe_finding(new.path.name, each) for each in located)


def locate_findings(found: Iterable[Finding], text: str, rules: Sequence[Rule]) -> list[LocatedFinding]:
    """Return findings in the order of the file, each with the line of its word, else that of its key."""
    positions, indexes = read_positions(text), {rule.name: index for index, rule in enumerate(rules)}

    @cache
    def offsets(place: KeyPlace) -> Mapping[str, int]:
        return _offsets_of_words(positions, place)

    def line_of(finding: Finding) -> int | None:
        place = (finding.table, indexes.get(finding.rule, 0) if finding.table == "rules" else 0, finding.key)
        offset = offsets(place).get(finding.word)
        return positions.line_of(*place) if offset is None else positions.line_at(offset)

    located = [LocatedFinding(line_of(finding), finding) for finding in found]
    return sorted(located, key=lambda each: each.line or 0)


def _offsets_of_words(positions: Positions, place: KeyPlace) -> dict[str, int]:
    """Return where each word of a list stands first; nothing for a key that is no list."""
    key = positions.key(*place)
    if key is None or key.value.kind != "array":
        return {}
    words = words_of(positions.read(key.value))
    items = positions.items(key.value)
    return {word: item.value.start for word, item in reversed(list(zip(words, items, strict=True)))}


def describe_finding(file: str, located: LocatedFinding) -> str:
    """Return a finding as a line of text, with the word as it stands in the file."""
    line, finding = located
    where = f'[[rules]] "{finding.rule}"' if finding.table == "rules" else f"[{finding.table}]"
    place = sentence("line {line}, {where}", line=line, where=where) if line else where
    values = {"file": file, "place": place, "key": finding.key, "word": quoted(finding.word)}
    found = sentence("{file}, {place}, {key}: {word} {what}.", **values, what=finding.what)
    return sentence("{finding} Fix: {fix}.", finding=found, fix=finding.fix) if finding.fix else found


_ROUNDS = 5  # one fix may bring another finding: "AI、 ＠x" is two words, one of them full-width


@dataclass(frozen=True, slots=True, kw_only=True)
class FixResult:
    """The new text, a sentence on each fix, and the count of findings that are left."""

    text: str
    fixed: tuple[str, ...]
    left: int


def fix_rules(text: str, path: str) -> FixResult:
    """Apply the safe fixes to a config.toml; comments stay. `path` is for messages. Raises ConfigError."""
    fixed: list[str] = []
    for _ in range(_ROUNDS):
        config = parse_config(text, path)
        indexes = {rule.name: index for index, rule in enumerate(config.rules)}
        fixes = list(_first_fixes(findings_of(config)))
        for finding in fixes:
            index = indexes[finding.rule] if finding.table == "rules" else 0
            text = _fixed(text, (finding.table, index, finding.key), finding)
        fixed += map(_describe_fix, fixes)
        if not fixes:
            break
    return FixResult(text=text, fixed=tuple(fixed), left=len(findings_of(parse_config(text, path))))


def _first_fixes(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first finding of each word with a safe fix: a second fix may be of no use after it."""
    words = set()
    for finding in found:
        word = (finding.table, finding.rule, finding.key, finding.word)
        if finding.safe is not None and word not in words:
            words.add(word)
            yield finding


def _fixed(text: str, place: KeyPlace, finding: Finding) -> str:
    if not finding.safe and (shorter := drop_repeat(text, place, finding.word)):
        return shorter
    return replace_word(text, place, finding.word, finding.safe or ())


def _describe_fix(finding: Finding) -> str:
    place: str = f"[{finding.table}]"
    if finding.table == "rules":
        place = sentence('rule "{name}"', name=finding.rule)
    *others, last = [*map(quoted, finding.safe or ())] or [""]
    words = sentence("{words} and {last}", words=listed(others), last=last) if others else last
    values = {"place": place, "key": finding.key, "word": quoted(finding.word), "what": finding.what}
    if words:
        return sentence("{place}, {key}: {word} becomes {words}: {what}", **values, words=words)
    return sentence("{place}, {key}: {word} is taken out: {what}", **values)
