"""Commands about the configuration file: config, check, rules lint."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from monitor.cli.terminal import answer, count, put, say
from monitor.config.checked import CheckedConfig, check_options, read_options
from monitor.config.reading import read_file
from monitor.errors import ConfigError, MonitorError
from monitor.texts import sentence, shown

if TYPE_CHECKING:
    from monitor.editing.findings import LocatedFinding
    from monitor.queries.recipients import KnownRecipient
    from monitor.queries.settings import Setting, SettingsTable
    from monitor.rules.lint import Finding


def show_config(path: Path, *, changed: bool, json: bool) -> int:
    """Show every option in the form of config.toml and where its value comes from; `changed`: without the defaults."""
    from monitor.queries.settings import settings_of

    tables = settings_of(read_options(path), os.environ, changed=changed)
    if json:
        values = _nested(tables, lambda setting: setting.value)
        answer(values | {"sources": _nested(tables, lambda setting: setting.source)})
        return 0
    import tomlkit

    parts = []
    for table in tables:
        made = tomlkit.table()
        for setting in table.settings:
            item = tomlkit.item(setting.value)
            if isinstance(setting.value, dict):
                item = tomlkit.inline_table()
                item.update(setting.value)
            made.add(setting.key, item.comment(shown(setting.source)))
        document = tomlkit.document()
        if table.is_noun:
            array = tomlkit.aot()
            array.append(made)
            document.add(table.name, array)
        else:
            document.add(table.name, made)
        parts.append(tomlkit.dumps(document))
    put("\n".join(parts))
    return 0


def _nested(tables: "Sequence[SettingsTable]", part: "Callable[[Setting], object]") -> dict[str, object]:
    """Return one part of each setting by table and key; of feeds, rules and subscriptions a list of tables."""
    nested: dict[str, object] = {}
    for table in tables:
        values = {setting.key: part(setting) for setting in table.settings}
        nested[table.name] = (
            [*cast(list[object], nested.get(table.name, [])), values] if table.is_noun else values
        )
    return nested


def check(path: Path, *, json: bool) -> int:
    """Show every problem of a file, and return 2 when there is one.

    Warnings, and the findings in its rules, are shown too, and are no problems. A database file, where it is there, is
    asked who of the recipients has unsubscribed, and nothing else.
    """
    from monitor.editing.findings import findings_of, locate_findings
    from monitor.loaded import load
    from monitor.queries.check import problems_of, warnings_of
    from monitor.service.clock import clock

    try:
        loaded = load(path)
        if problems := list(problems_of(loaded)):
            raise ConfigError(path.name, problems)
    except ConfigError as error:
        if not json:
            raise
        from monitor.queries.answers.config import CheckAnswer

        answer(CheckAnswer(ok=False, file=str(path), problems=error.problems))
        return 2
    config, warnings = loaded.config, tuple(warnings_of(loaded, clock()))
    findings = locate_findings(findings_of(config), loaded.text, config.rules)
    left = _unsubscribed(loaded)
    if json:
        from monitor.queries.answers.config import CheckAnswer, LintFinding, transport_of

        located = tuple(LintFinding.of(*each) for each in findings)
        answer(
            CheckAnswer(
                ok=True,
                file=str(path),
                warnings=warnings,
                findings=located,
                mail=transport_of(loaded),
                unsubscribed=tuple(each.address for each in left),
            )
        )
        return 0
    say(
        sentence(
            "{path} is good: {feeds}, {rules}, {subscriptions}. Mail goes to {mail}.",
            path=path,
            feeds=count(len(config.feeds), "feed"),
            rules=count(len(config.rules), "rule"),
            subscriptions=count(len(config.subscriptions), "subscription"),
            mail=f"Maildir {loaded.maildir}" if loaded.maildir else f"{config.smtp.host}:{config.smtp.port}",
        )
    )
    if loaded.maildir:
        say(sentence("[smtp] host is empty, so digests are put into that folder. Set it to send mail."))
    for warning in warnings:
        say(sentence("{path}, {problem}", path=path.name, problem=warning.text), "yellow")
    for each in left:
        values = {"address": each.address, "subscription": each.subscription}
        say(sentence("{address} has unsubscribed from {subscription}: nothing is sent there.", **values))
    if len(findings) == 1:
        say(sentence("One thing in the rules may not do what it seems to:"))
    elif findings:
        say(sentence("{number} things in the rules may not do what they seem to:", number=len(findings)))
    if findings:
        _show_findings(path, findings)
    return 0


def _unsubscribed(checked: CheckedConfig) -> "list[KnownRecipient]":
    """Return who of the recipients has unsubscribed; [] where there is no database file, or it cannot be read."""
    from monitor.store.place import is_there

    if not (checked.database_file and is_there(checked.database_file)):
        return []  # a server is not asked: a check waits for nobody
    from monitor.cli.database import use_database
    from monitor.queries.recipients import RecipientState, declining_recipients
    from monitor.service.clock import clock

    try:
        declining = use_database(
            checked.store_url, lambda db: db.read(declining_recipients, checked.config, clock())
        )
    except MonitorError:
        return []
    return [each for each in declining if each.state is RecipientState.UNSUBSCRIBED]


def lint(path: Path, *, json: bool) -> int:
    """Show the findings in the rules of a file, each with its line; return 1 when there is one.

    Words that cannot be read are findings here, so that one command names everything. Where there is a database, the
    findings about what the rules have matched so far are among them. Raises ConfigError when the file is refused for
    something else.
    """
    from monitor.editing.findings import findings_of, locate_findings

    checked = check_options(path, read_file(path))
    config = checked.config
    findings = locate_findings([*findings_of(config), *_stored_findings(checked)], checked.text, config.rules)
    if json:
        from monitor.queries.answers.config import LintAnswer, LintFinding

        answer(LintAnswer(file=str(path), findings=tuple(LintFinding.of(*each) for each in findings)))
    elif findings:
        _show_findings(path, findings)
    else:
        say(sentence("{path}: {rules}, no findings.", path=path, rules=count(len(config.rules), "rule")))
    return 1 if findings else 0


def _stored_findings(checked: CheckedConfig) -> "tuple[Finding, ...]":
    """Return what the stored matches tell of the rules; () without a database, or when a word cannot be read."""
    from monitor.store.place import is_there

    if checked.database_file and not is_there(checked.database_file):
        return ()
    from monitor.cli.database import use_database
    from monitor.loaded import load
    from monitor.queries.lint import LOOKED_BACK, judge_stored
    from monitor.service.clock import clock

    now = clock()
    try:
        rules = load(checked.path).rules
        return use_database(
            checked.store_url, lambda db: judge_stored(rules, since=now - LOOKED_BACK, now=now, db=db)
        )
    except MonitorError:
        return ()


def _show_findings(path: Path, findings: "Sequence[LocatedFinding]") -> None:
    """Print findings, and how many of them --fix can fix."""
    from monitor.editing.findings import describe_finding

    for located in findings:
        say(describe_finding(path.name, located))
    if fixable := sum(located.finding.safe is not None for located in findings):
        say(
            sentence(
                '"monitor rules lint --fix" fixes {number} of {all}; with --dry-run it only shows how.',
                number=fixable,
                all=len(findings),
            )
        )
