"""Declare the answers about config.toml: check, rules lint, and the commands that edit it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from monitor.errors import Problem

if TYPE_CHECKING:
    from monitor.config.checked import CheckedConfig
    from monitor.rules.lint import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """Something in the rules that may not do what it seems to."""

    line: int | None  # in the file, from 1
    kind: str  # error, never, shadowed, duplicate, contradiction, han, width, "two words", set, …
    table: str  # rules, aliases or matching
    rule: str  # the rule's or the alias set's name; "" for [matching]
    key: str  # of the table
    word: str  # as it stands in the file
    what: str  # what is odd about it
    fix: str  # what to do about it; "" when there is nothing to propose
    column: int  # of an error, in word, from 0
    safe: tuple[str, ...] | None  # what --fix writes instead of word, [] takes it out; null: you decide

    @classmethod
    def of(cls, line: int | None, finding: Finding) -> LintFinding:
        """Return a finding with its line."""
        return cls(
            line=line,
            kind=finding.kind,
            table=finding.table,
            rule=finding.rule,
            key=finding.key,
            word=finding.word,
            what=finding.what,
            fix=finding.fix,
            column=finding.column,
            safe=finding.safe,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaildirTransport:
    """Digests are put into a local Maildir."""

    mode: Literal["maildir"] = "maildir"  # [smtp] host is empty
    path: str  # of the Maildir


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTransport:
    """Digests are sent by a mail server."""

    mode: Literal["smtp"] = "smtp"  # [smtp] host names a server
    host: str  # the mail server's name
    port: int  # the mail server's port


def transport_of(checked: CheckedConfig) -> MaildirTransport | SmtpTransport:
    """Return how digests leave by a configuration."""
    if checked.maildir:
        return MaildirTransport(path=str(checked.maildir))
    return SmtpTransport(host=checked.config.smtp.host, port=checked.config.smtp.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """Whether a configuration file is accepted, and what is odd in its rules."""

    ok: bool  # false: the file is refused
    file: str  # the file that was read
    problems: tuple[Problem, ...] = ()  # why it is refused
    warnings: tuple[Problem, ...] = ()  # what is odd elsewhere in it, which is no error
    findings: tuple[LintFinding, ...] = ()  # what is odd in its rules, which is no error
    mail: MaildirTransport | SmtpTransport | None = None  # how digests leave; null for a refused file
    unsubscribed: tuple[str, ...] = ()  # recipients in the file who have left


@dataclass(frozen=True, slots=True, kw_only=True)
class LintAnswer:
    """What is odd in the rules of a configuration file."""

    file: str  # the file that was read
    findings: tuple[LintFinding, ...]  # in the order of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAnswer:
    """A change of config.toml."""

    file: str  # the file that was changed
    written: bool  # false: nothing was changed, or this was a dry run
    diff: tuple[str, ...]  # the lines that differ, as diff -u shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAnswer(EditAnswer):
    """A word more in a rule."""

    findings: tuple[LintFinding, ...]  # what is odd about it


@dataclass(frozen=True, slots=True, kw_only=True)
class FixAnswer(EditAnswer):
    """What lint found and could fix."""

    fixed: tuple[str, ...]  # what was done, in words
    left: int  # findings that you have to decide


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNote:
    """A line of another program's file that is treated differently here."""

    line: int  # in that file, from 1
    text: str  # as it stands there
    what: str  # what is different


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswer(EditAnswer):
    """Another program's words as rules."""

    toml: str  # the rules as they stand in config.toml, or would
    rules: tuple[str, ...]  # their names
    notes: tuple[ImportNote, ...]  # what is treated differently


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAnswer(EditAnswer):
    """The rules of an earlier version in config.toml."""

    version: int  # the number of that version
    at: datetime  # when that version took effect
