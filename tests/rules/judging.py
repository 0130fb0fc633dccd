"""Judge one headline by one rule, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.config.options import Rule
from monitor.rules.match import Judgement, compile_rules, judge_entry, match_entry
from tests import make


def judged(
    title: str,
    rule: Mapping[str, Any],
    aliases: Mapping[str, Sequence[str]] | None = None,
    ignore: Sequence[str] = (),
    **differ: Any,
) -> Judgement:
    """Return what the rule says of an entry, and check that match_entry says the same."""
    ruleset = compile_rules([Rule(name="r", **rule)], [make.feed()], aliases, ignore)
    entry = make.entry(title, **differ)
    (judgement,) = judge_entry(entry, ruleset)
    assert judgement.match == bool(match_entry(entry, ruleset))
    for hit in (*judgement.hits, *judgement.against, *judgement.ignored):
        if hit.field in ("title", "summary", "text", "link"):
            assert getattr(entry, hit.field)[hit.start : hit.end] == hit.found
    return judgement


def hit_texts(title: str, **rule: Any) -> list[str] | None:
    """Return the texts of the hits; None where the rule does not match."""
    judgement = judged(title, rule)
    return [hit.found for hit in judgement.hits] if judgement.match else None
