"""A proposal is written as it would stand in config.toml, each word with why it is there."""

import json
from collections.abc import Iterator

from monitor.rules.like.propose import Proposal, Proposed

_LONGEST_TITLE = 80  # characters, in a remark


def as_toml(proposal: Proposal) -> str:
    """The rule as a table for config.toml."""
    return "".join(f"{line}\n" for line in _lines(proposal))


def _lines(proposal: Proposal) -> Iterator[str]:
    # A remark ends with its line, and holds no control characters (TOML 1.0, "Comment").
    title = "".join(sign for sign in " ".join(proposal.title.split()) if sign.isprintable())[:_LONGEST_TITLE]
    yield f"# Like: {title}" if title else "# Like a text without a title"
    yield "[[rules]]"
    yield f"name = {_quoted(proposal.name)}"
    for key in ("any", "hints"):
        words = [one for one in proposal.words if one.key == key]
        if words:
            yield f"{key} = ["
            yield from (f"  {_quoted(one.word)},  # {_why(one, proposal.weighed)}" for one in words)
            yield "]"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _why(word: Proposed, weighed: int) -> str:
    why = ["a name"] if word.name else []
    why += ["in the title"] if word.in_title else []
    why += ["once" if word.count == 1 else f"{word.count} times"]
    why += [f"in {word.entries} of {weighed} stored entries"] if word.entries else []
    why += [f"already in rule {' and '.join(word.held_by)}"] if word.held_by else []
    return ", ".join(why)
