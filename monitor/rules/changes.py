"""What has an edit changed in the rules? In the words the log uses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from monitor.config.options import Rule

_WORDS = ("any", "all", "none", "hints", "ignore")


def describe_changes(old: Sequence[Rule], new: Sequence[Rule]) -> list[str]:
    """One line for each rule that is new, gone or changed: `rule 人工智能: +2 words`."""
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    told = [f"rule {name}: new" for name in after if name not in before]
    told += [f"rule {name}: gone" for name in before if name not in after]
    changed = [
        (before[name], rule) for name, rule in after.items() if name in before and before[name] != rule
    ]
    return told + [f"rule {rule.name}: {', '.join(_difference(was, rule))}" for was, rule in changed]


def describe_sets(old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> list[str]:
    """The same for [aliases]: `alias set 英伟达: changed`."""
    return [
        f"alias set {name}: {'new' if name not in old else 'gone' if name not in new else 'changed'}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]


def _difference(was: Rule, now: Rule) -> list[str]:
    written = [{(key, word) for key in _WORDS for word in getattr(rule, key)} for rule in (was, now)]
    added, removed = written[1] - written[0], written[0] - written[1]
    told = [
        f"{sign}{len(words)} word{'s' if len(words) > 1 else ''}"
        for sign, words in (("+", added), ("-", removed))
        if words
    ]
    told += [key for key in asdict(now) if key not in _WORDS and getattr(was, key) != getattr(now, key)]
    return told or ["order"]
