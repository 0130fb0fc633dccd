"""Matches of rules and entries with the words that made them, and the versions of the rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monitor.model import require_utc
from monitor.model.feeds import Entry

COPY = "copy"  # the field of a hit that stands in a copy of the entry that is shown


class Hit(NamedTuple):
    """Why a rule matched: `found == getattr(entry, field)[start:end]`, in code points of the original.

    `field` is title, summary, text or link; or author, section (the names joined with ", ") or feed (its name).
    A named tuple, since there are thousands of them: it is made three times as fast.
    """

    field: str  # where it was found: title, summary, text, link, author, section or feed
    word: str  # as the operator wrote it
    found: str  # as it stands in the entry
    start: int  # its place in the field, in Unicode code points, from 0
    end: int  # the place behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry satisfies exactly the rule with this fingerprint; says nothing about recipients."""

    fingerprint: str
    hits: tuple[Hit, ...]  # by field in the order of rules/words.py; then by position
    score: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an item stands in the digest: a rule by its name, and its hits."""

    rule: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """An entry with the matches it has, as a candidate for a digest."""

    seq: int
    entry: Entry
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesetVersion:
    """A set of rules that was in force from `at` on."""

    version: int  # 1, 2, 3 …
    at: datetime
    fingerprint: str  # of the whole ruleset; digests name it
    text: str  # the part of config.toml about rules, as written

    def __post_init__(self) -> None:
        require_utc(self.at)
