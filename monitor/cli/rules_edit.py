"""Commands that change the rules in config.toml: rules add, rules remove, rules import, rules lint --fix."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from monitor.cli.lint import finding_answers
from monitor.cli.terminal import answer, complain, count, say, show_diff
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.edit import Change, add_word, plan_change, read_valid_text, remove_word, write_change
from monitor.editing.findings import describe_finding, findings_of, fix_rules, locate_findings
from monitor.editing.imports import as_toml, with_rules
from monitor.editing.trendradar import decode_words, read_words
from monitor.errors import ConfigError, MonitorError, StoreError
from monitor.loaded import check_bytes
from monitor.queries.answers.config import AddAnswer, EditAnswer, FixAnswer, ImportAnswer, ImportNote
from monitor.rules.score import ENOUGH, WORTH
from monitor.service.runtime import clock, record_rules
from monitor.store.database import open_database


def add(path: Path, rule: str, word: str, *, place: str, dry_run: bool, json: bool) -> int:
    """A word more in a list of a rule; what is odd about it there is said, and does not hinder."""
    planned = _planned(path, lambda text: add_word(text, rule, word, place))
    before, after = (as_text(raw, path) for raw in (planned.before, planned.after))
    known, config = findings_of(parse_config(before, path.name)), parse_config(after, path.name)
    odd = locate_findings([one for one in findings_of(config) if one not in known], after, config.rules)
    for located in odd if not json else ():
        complain(describe_finding(path.name, located))
    (edited,) = [one for one in config.rules if one.name == rule]
    done = f'"{word}" is in {place} of rule "{rule}" now.{_alone(edited.threshold) if place == "any" else ""}'
    _carry_out(
        planned,
        AddAnswer(file=str(path), written=not dry_run, diff=planned.diff, findings=finding_answers(odd)),
        done=done,
        json=json,
    )
    return 0


def _alone(threshold: float) -> str:
    """Where a word of `any` is not enough, under a rule that wants more than one."""
    fields = [field for field in WORTH if WORTH[field] >= threshold]
    if threshold <= ENOUGH:
        return ""
    where = f"only in the {' or '.join(fields)}" if fields else "nowhere"
    return f" The rule's threshold is {threshold:g}: by itself the word is enough {where}."


def remove(path: Path, rule: str, word: str, *, dry_run: bool, json: bool) -> int:
    """A word less in a rule."""
    planned = _planned(path, lambda text: remove_word(text, rule, word))
    edited = EditAnswer(file=str(path), written=not dry_run, diff=planned.diff)
    _carry_out(planned, edited, done=f'"{word}" is out of rule "{rule}".', json=json)
    return 0


def fix(path: Path, *, dry_run: bool, json: bool) -> int:
    """Mend what lint finds and what can be mended without a question; 1 when something is left to look at."""
    text = as_text(read_file(path), path)
    mended = fix_rules(text, path.name)
    planned = plan_change(path, text, mended.text) if mended.text != text else None
    for one in mended.fixed if not json else ():
        say(one)
    edited = FixAnswer(
        file=str(path),
        written=planned is not None and not dry_run,
        diff=planned.diff if planned else (),
        fixed=mended.fixed if planned else (),
        left=mended.left,
    )
    if planned:
        _carry_out(planned, edited, done=f"{len(mended.fixed)} mended.", json=json)
    elif json:
        answer(edited)
    else:
        say("There is nothing that can be mended without a question.")
    if mended.left and not json:
        verb = "wants" if mended.left == 1 else "want"
        say(f'{count(mended.left, "finding")} {verb} your eye: "monitor rules lint" names what is left.')
    return int(bool(mended.left))


def import_words(path: Path, file: Path, *, into_config: bool, json: bool) -> int:
    """Print another program's words as rules, or add them to config.toml; what differs goes to standard error."""
    imported = read_words(decode_words(_bytes_of(file), str(file)))
    for note in imported.notes if not json else ():
        complain(f"{file.name}, line {note.line}: {note.text}: {note.what}")
    if not imported.rules:
        raise MonitorError(f"{file} has no group of words, so there is no rule to make of it")
    planned = _planned(path, lambda text: with_rules(text, imported)) if into_config else None
    edited = ImportAnswer(
        file=str(path),
        written=into_config,
        diff=planned.diff if planned else (),
        toml=as_toml(imported),
        rules=tuple(rule.name for rule in imported.rules),
        notes=tuple(ImportNote(line=one.line, text=one.text, what=one.what) for one in imported.notes),
    )
    read = count(len(imported.rules), "rule")
    if planned:
        _carry_out(planned, edited, done=f"{path} has {read} more.", json=json)
        if not json:
            say('Next: "monitor rules lint" looks them over, "monitor preview" shows what they bring.')
    elif json:
        answer(edited)
    else:
        sys.stdout.write(edited.toml)
        sys.stdout.flush()
        complain(f"{read} read, nothing was changed. With --write they are put into {path}.")
    return 0


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise MonitorError(f"{file} cannot be read: {error.strerror}") from None


def _planned(path: Path, edit: Callable[[str], str]) -> Change:
    text = read_valid_text(path)
    return plan_change(path, text, edit(text))


def _carry_out(planned: Change, edited: EditAnswer, *, done: str, json: bool) -> None:
    """Show a change, and write it unless it is a dry run."""
    if not json:
        show_diff(planned.diff)
    lost = _keep(planned) if edited.written else ""
    if edited.written:
        write_change(planned)
    if json:
        answer(edited)
    elif not edited.written:
        say("Nothing was changed.")
    else:
        say(f"{done} A running service takes this up within two seconds.")
        say(f"It cannot be undone by a command: {lost}" if lost else '"monitor rules undo" takes it back.')


def _keep(planned: Change) -> str:
    """The rules as they stand are kept, so that they can be brought back; why not, if they cannot."""
    try:
        current = check_bytes(planned.path, planned.before)
    except ConfigError:
        return "the file was not right before, so its rules were never in force."

    async def keep() -> None:
        db = open_database(current.store_url)
        try:
            await db.write(record_rules, current, clock())
        finally:
            await db.close()

    try:
        asyncio.run(keep())
    except StoreError as error:
        return str(error)
    return ""
