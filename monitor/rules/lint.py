"""Look over rules, alias sets and ignored phrases for what does not do what it seems to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.config.options import WORD_LISTS, Rule, Subscription
from monitor.errors import RuleError, RuleTable
from monitor.rules.compile import parse_ignored, read_when
from monitor.rules.lint_checks import (
    FindingKind,
    LintIssue,
    ParsedRule,
    check_rule,
    check_word,
    shadowed_rules,
)
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.words import Word, meaning
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A lint issue and where it stands.

    `safe` is what may stand instead of `word` without asking anybody: () takes it out, several words stand in its
    place; None: the operator has to decide.
    """

    kind: FindingKind
    table: RuleTable
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
    """Return every finding, in the order of the file; a word that cannot be parsed is one of them."""
    alias_sets = Aliases.of(aliases or {})
    findings = [*_lint_aliases(aliases or {}, alias_sets), *_lint_ignored(ignore, alias_sets)]
    parsed_rules = []
    for rule in rules:
        parsed, findings_of_words = _parse_rule(rule, alias_sets)
        findings += findings_of_words
        # A word that is two words by mistake is not judged as one.
        mended = {(finding.key, finding.word) for finding in findings_of_words if finding.safe is not None}
        findings += [
            _finding("rules", rule.name, key, word, issue)
            for key, word, issue in check_rule(parsed)
            if (key, word) not in mended
        ]
        parsed_rules.append(parsed)
    findings += [
        _finding("rules", rule.name, key, word, issue)
        for rule, key, word, issue in shadowed_rules(parsed_rules)
    ]
    return tuple(dict.fromkeys(findings))


def unasked(rules: Sequence[Rule], subscriptions: Sequence[Subscription]) -> tuple[Finding, ...]:
    """Return a finding for each rule in force that no subscription names; none where a subscription takes all rules."""
    if not subscriptions or not all(subscription.rules for subscription in subscriptions):
        return ()
    named = {name for subscription in subscriptions for name in subscription.rules}
    issue = LintIssue(
        kind=FindingKind.UNASKED,
        what=sentence("is in the rules of no subscription, so nothing it finds is mailed"),
        fix=sentence('add it to "rules" of a subscription, or set enabled = false'),
    )
    names = [rule.name for rule in rules if rule.enabled and rule.name not in named]
    return tuple(_finding("rules", name, "name", name, issue) for name in names)


def _lint_aliases(aliases: Mapping[str, Sequence[str]], alias_sets: Aliases) -> Iterator[Finding]:
    for name, words in aliases.items():
        try:
            parse_word(name, f"@{name}", alias_sets)
        except RuleError as error:
            yield _error(error, error.rule)
            continue
        first_of_meaning: dict[object, str] = {}
        for written in words:
            for issue in check_word(written):
                yield _finding("aliases", name, name, written, issue)
            word = meaning(parse_word(name, written, alias_sets))
            first = first_of_meaning.get(word)
            first_of_meaning.setdefault(word, written)
            if first is not None:
                issue = LintIssue(
                    kind=FindingKind.DUPLICATE,
                    what=sentence('means the same as "{word}"', word=first),
                    fix=sentence("take it out"),
                    safe=(),
                )
                yield _finding("aliases", name, name, written, issue)


def _lint_ignored(ignore: Sequence[str], alias_sets: Aliases) -> Iterator[Finding]:
    for phrase in ignore:
        for issue in check_word(phrase):
            yield _finding("matching", "", "ignore", phrase, issue)
        try:
            list(parse_ignored([phrase], alias_sets))
        except RuleError as error:
            if error.table == "matching":
                yield _error(error, "ignore", rule="")


def _parse_rule(rule: Rule, alias_sets: Aliases) -> tuple[ParsedRule, list[Finding]]:
    """Return as much of a rule as can be parsed, and what is wrong with its words by themselves."""
    words: dict[str, dict[str, Word]] = {key: {} for key in WORD_LISTS}
    findings: list[Finding] = []
    when = None
    for key in WORD_LISTS:
        for written in getattr(rule, key):
            issues = list(check_word(written))
            findings += [_finding("rules", rule.name, key, written, issue) for issue in issues]
            try:
                words[key][written] = parse_word(rule.name, written, alias_sets)
            except RuleError as error:
                findings += _error_in_rule(error, key) if not issues else []  # an issue is why
    try:
        when = read_when(rule, alias_sets)
    except RuleError as error:
        findings += _error_in_rule(error, "when")
    return ParsedRule(rule, words, when), findings


def _error_in_rule(error: RuleError, key: str) -> list[Finding]:
    """Return the finding; none for a mistake within an alias set, which is named once, where it stands."""
    return [_error(error, key)] if error.table == "rules" else []


def _error(error: RuleError, key: str, *, rule: str | None = None) -> Finding:
    return Finding(
        kind=FindingKind.ERROR,
        table=error.table,
        rule=error.rule if rule is None else rule,
        key=key,
        word=error.word,
        what=error.what,
        fix=error.fix,
        column=error.column,
    )


def _finding(table: RuleTable, rule: str, key: str, word: str, issue: LintIssue) -> Finding:
    return Finding(
        kind=issue.kind,
        table=table,
        rule=rule,
        key=key,
        word=word,
        what=issue.what,
        fix=issue.fix,
        safe=issue.safe,
    )
