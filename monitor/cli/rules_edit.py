"""Commands that change the rules in config.toml: rules add, rules remove, rules import, rules lint --fix."""

import sys
from collections.abc import Callable
from pathlib import Path

from monitor.config_change import Change, change, text_of, write
from monitor.config_file import as_text, read_file
from monitor.errors import MonitorError
from monitor.rule_edit import add_word, remove_word
from monitor.rule_fix import fix_rules
from monitor.rule_import import as_toml, with_rules
from monitor.rules.trendradar import read_words
from monitor.terminal import complain, say, show_diff


def add(path: Path, rule: str, word: str, *, place: str, dry_run: bool) -> int:
    """A word more in a list of a rule."""
    planned = _planned(path, lambda text: add_word(text, rule, word, place))
    return _carry_out(planned, dry_run=dry_run, done=f'"{word}" is in {place} of rule "{rule}" now.')


def remove(path: Path, rule: str, word: str, *, dry_run: bool) -> int:
    """A word less in a rule."""
    planned = _planned(path, lambda text: remove_word(text, rule, word))
    return _carry_out(planned, dry_run=dry_run, done=f'"{word}" is out of rule "{rule}".')


def fix(path: Path, *, dry_run: bool) -> int:
    """Mend what lint finds and what can be mended without a question; 1 when something is left to look at."""
    text = as_text(read_file(path), path)
    mended = fix_rules(text, path.name)
    for one in mended.fixed:
        say(one)
    if mended.text != text:
        _carry_out(change(path, text, mended.text), dry_run=dry_run, done=f"{len(mended.fixed)} mended.")
    else:
        say("There is nothing that can be mended without a question.")
    if mended.left:
        say(f'{mended.left} left that want your eye: "monitor rules lint" names them.')
    return int(bool(mended.left))


def import_words(path: Path, file: Path, *, into_config: bool) -> int:
    """Print another program's words as rules, or add them to config.toml; what differs goes to standard error."""
    try:
        words = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text; save it as UTF-8"
        raise MonitorError(f"{file} cannot be read: {reason}") from None
    imported = read_words(words)
    for note in imported.notes:
        complain(f"{file.name}, line {note.line}: {note.text}: {note.what}")
    if not imported.rules:
        raise MonitorError(f"{file} has no group of words, so there is no rule to make of it")
    if not into_config:
        sys.stdout.write(as_toml(imported))
        return 0
    planned = _planned(path, lambda text: with_rules(text, imported))
    return _carry_out(planned, dry_run=False, done=f"{len(imported.rules)} rules are in {path} now.")


def _planned(path: Path, edit: Callable[[str], str]) -> Change:
    text = text_of(path)
    return change(path, text, edit(text))


def _carry_out(planned: Change, *, dry_run: bool, done: str) -> int:
    show_diff(planned.diff)
    if dry_run:
        say("Nothing was changed.")
        return 0
    write(planned)
    say(f'{done} A running service takes it up now; "monitor rules undo" takes it back.')
    return 0
