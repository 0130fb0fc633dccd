"""Look over rules, alias sets and ignored phrases for what does not do what it seems to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.config.options import Rule, Subscription
from monitor.errors import RuleError
from monitor.rules.compile import KEYS, read_ignored
from monitor.rules.lint_checks import Odd, Read, odd_rule, odd_word, shadowed_rules
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.when import parse_when
from monitor.rules.words import Word, meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at.

    `safe` is what may stand instead of `word` without a question: () takes it out, several words stand in its
    place; None: the operator has to decide.
    """

    kind: str  # error never shadowed duplicate contradiction han width "two words" field pattern slow guard
    # broad silent unasked
    table: str  # rules, aliases or matching
    rule: str  # the rule's or the alias set's name; "" for [matching]
    key: str
    word: str
    what: str
    fix: str
    column: int = 0  # of an error, in `word`
    safe: tuple[str, ...] | None = None


def lint(
    rules: Sequence[Rule], aliases: Mapping[str, Sequence[str]] | None = None, ignore: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Everything odd, in the order of the file; words that cannot be read are among the findings, not raised."""
    sets = Aliases.of(aliases or {})
    found = [*_aliases(aliases or {}, sets), *_matching(ignore, sets)]
    read = []
    for rule in rules:
        one, told = _read(rule, sets)
        found += told
        # A word that is two words by mistake is not judged as one.
        mended = {(finding.key, finding.word) for finding in told if finding.safe is not None}
        beside = [(key, word, odd) for key, word, odd in odd_rule(one) if (key, word) not in mended]
        found += [_finding("rules", rule.name, key, word, odd) for key, word, odd in beside]
        read.append(one)
    found += [_finding("rules", rule.name, key, word, odd) for rule, key, word, odd in shadowed_rules(read)]
    return tuple(dict.fromkeys(found))


def unasked(rules: Sequence[Rule], subscriptions: Sequence[Subscription]) -> tuple[Finding, ...]:
    """The rules in force that no subscription asks for."""
    if not subscriptions or not all(one.rules for one in subscriptions):
        return ()  # one without names asks for all
    asked = {name for one in subscriptions for name in one.rules}
    odd = Odd(
        kind="unasked",
        what="is in the rules of no subscription, so nothing it finds is mailed",
        fix='add it to "rules" of a subscription, or set enabled = false',
    )
    names = [rule.name for rule in rules if rule.enabled and rule.name not in asked]
    return tuple(_finding("rules", name, "name", name, odd) for name in names)


def _finding(table: str, rule: str, key: str, word: str, odd: Odd) -> Finding:
    return Finding(
        kind=odd.kind, table=table, rule=rule, key=key, word=word, what=odd.what, fix=odd.fix, safe=odd.safe
    )


def _error(error: RuleError, key: str, rule: str) -> Finding:
    what, _, fix = error.what.partition("; ")
    return Finding(
        kind="error",
        table=error.table,
        rule=rule,
        key=key,
        word=error.word,
        what=what,
        fix=fix,
        column=error.column,
    )


def _aliases(aliases: Mapping[str, Sequence[str]], sets: Aliases) -> Iterator[Finding]:
    for name, words in aliases.items():
        try:
            parse_word(name, f"@{name}", sets)
        except RuleError as error:
            yield _error(error, error.rule, error.rule)
            continue
        seen: dict[object, str] = {}
        for written in words:
            yield from (_finding("aliases", name, name, written, odd) for odd in odd_word(written))
            first = seen.setdefault(meaning(parse_word(name, written, sets)), written)
            if first is not written:
                odd = Odd(kind="duplicate", what=f'means the same as "{first}"', fix="take it out", safe=())
                yield _finding("aliases", name, name, written, odd)


def _matching(ignore: Sequence[str], sets: Aliases) -> Iterator[Finding]:
    for written in ignore:
        yield from (_finding("matching", "", "ignore", written, odd) for odd in odd_word(written))
        try:
            list(read_ignored([written], sets))
        except RuleError as error:
            if error.table == "matching":
                yield _error(error, "ignore", "")


def _read(rule: Rule, sets: Aliases) -> tuple[Read, list[Finding]]:
    words: dict[str, dict[str, Word]] = {key: {} for key in KEYS}
    found: list[Finding] = []
    when = None
    for key in KEYS:
        for written in getattr(rule, key):
            odd = [_finding("rules", rule.name, key, written, odd) for odd in odd_word(written)]
            found += odd
            try:
                words[key][written] = parse_word(rule.name, written, sets)
            except RuleError as error:
                found += _told_here(error, key) if not odd else []  # what is odd is why
    try:
        when = parse_when(rule.name, rule.when, sets) if rule.when else None
    except RuleError as error:
        found += _told_here(error, "when")
    return Read(rule, words, when), found


def _told_here(error: RuleError, key: str) -> list[Finding]:
    """A mistake within an alias set is told once, where it stands."""
    return [_error(error, key, error.rule)] if error.table == "rules" else []
