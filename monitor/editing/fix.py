"""What lint finds in the rules is mended in the text, where that can be done without a question."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.config.reading import parse_config
from monitor.editing.edit import drop_repeat, replace_word
from monitor.editing.findings import findings
from monitor.rules.lint import Finding
from monitor.rules.words import quoted

_ROUNDS = 5  # mending one thing may show another: "AI、 ＠x" is two words, one of them full-width


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """The new text, what was done in words, and how many findings are left."""

    text: str
    fixed: tuple[str, ...]
    left: int


def fix_rules(text: str, path: str) -> Mended:
    """Apply the safe fixes to a config.toml; remarks stay. `path` is for messages. Raises ConfigError."""
    fixed: list[str] = []
    for _ in range(_ROUNDS):
        config = parse_config(text, path)
        found = findings(config)
        done = len(fixed)
        names = [rule.name for rule in config.rules]
        for finding in _safe_once(found):
            index = names.index(finding.rule) if finding.table == "rules" else 0
            where = (finding.table, index, finding.key)
            text = _mended(text, where, finding)
            fixed.append(_told(finding))
        if len(fixed) == done:
            break
    return Mended(text=text, fixed=tuple(fixed), left=len(findings(parse_config(text, path))))


def _safe_once(found: Sequence[Finding]) -> Sequence[Finding]:
    """The first safe fix of each word: a second may be of no use after it."""
    first = {(one.table, one.rule, one.key, one.word): one for one in reversed(found) if one.safe is not None}
    return [one for one in found if one in first.values()]


def _mended(text: str, where: tuple[str, int, str], finding: Finding) -> str:
    if not finding.safe and (shorter := drop_repeat(text, where, finding.word)):
        return shorter
    return replace_word(text, where, finding.word, finding.safe or ())


def _told(finding: Finding) -> str:
    place = f'rule "{finding.rule}"' if finding.table == "rules" else f"[{finding.table}]"
    instead = " and ".join(map(quoted, finding.safe or ()))
    done = f"becomes {instead}" if instead else "is taken out"
    return f"{place}, {finding.key}: {quoted(finding.word)} {done}: {finding.what}"
