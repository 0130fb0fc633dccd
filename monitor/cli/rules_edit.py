"""Commands that put rules to use or change them: rules add, remove, import, lint --fix, apply."""

from collections.abc import Callable
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.terminal import (
    answer,
    complain,
    complain_each,
    count,
    progress,
    put,
    say,
    say_held_back,
    say_pruned,
    show_diff,
)
from monitor.config.reading import as_text, parse_config, read_file
from monitor.config.values import duration
from monitor.editing.edit import (
    Change,
    add_word,
    no_rule,
    plan_change,
    read_valid_text,
    remove_word,
    write_change,
)
from monitor.editing.findings import describe_finding, findings_of, fix_rules, locate_findings
from monitor.editing.imports import as_toml, with_rules
from monitor.editing.trendradar import decode_words, read_words
from monitor.errors import ConfigError, MonitorError, StoreError, with_advice
from monitor.loaded import check_bytes, load_complete
from monitor.queries.answers.config import (
    AddAnswer,
    EditAnswer,
    FixAnswer,
    ImportAnswer,
    ImportNote,
    LintFinding,
)
from monitor.reasons import reason_of
from monitor.rules.score import ENOUGH, WORTH
from monitor.service.clock import clock
from monitor.service.register import record_rules, register
from monitor.store.database import Database
from monitor.texts import said, sentence


def add(path: Path, rule: str, word: str, *, word_list: str, dry_run: bool, json: bool) -> int:
    """Add a word to a list of a rule; return 0. The findings that it brings are shown, and do not hinder."""
    change = _plan(path, lambda text: add_word(text, rule, word, word_list))
    before, after = (as_text(raw, path) for raw in (change.before, change.after))
    known, config = findings_of(parse_config(before, path.name)), parse_config(after, path.name)
    brought = [finding for finding in findings_of(config) if finding not in known]
    findings = locate_findings(brought, after, config.rules)
    for located in findings if not json else ():
        complain(describe_finding(path.name, located))
    (threshold,) = [each.threshold for each in config.rules if each.name == rule]
    alone = _where_enough_alone(threshold) if word_list == "any" else ""
    added = AddAnswer(
        file=str(path),
        written=not dry_run,
        diff=change.diff,
        findings=tuple(LintFinding.of(*located) for located in findings),
    )
    done = sentence('"{word}" is in {list} of rule "{rule}" now.', word=word, list=word_list, rule=rule)
    _carry_out(change, added, done=with_advice(done, alone), json=json)
    return 0


def _where_enough_alone(threshold: float) -> str:
    """Return a sentence on where a word of `any` is enough by itself; "" when it is everywhere."""
    if threshold <= ENOUGH:
        return ""
    fields = [field for field in WORTH if WORTH[field] >= threshold]
    if not fields:
        return sentence(
            "The rule's threshold is {threshold:g}: by itself the word is enough nowhere.",
            threshold=threshold,
        )
    where = sentence("{field} or {other}", field=fields[0], other=fields[1]) if len(fields) > 1 else fields[0]
    return sentence(
        "The rule's threshold is {threshold:g}: by itself the word is enough only in the {where}.",
        threshold=threshold,
        where=where,
    )


def remove(path: Path, rule: str, word: str, *, dry_run: bool, json: bool) -> int:
    """Remove a word from every list of a rule; return 0."""
    change = _plan(path, lambda text: remove_word(text, rule, word))
    removed = EditAnswer(file=str(path), written=not dry_run, diff=change.diff)
    _carry_out(
        change, removed, done=sentence('"{word}" is out of rule "{rule}".', word=word, rule=rule), json=json
    )
    return 0


def fix(path: Path, *, dry_run: bool, json: bool) -> int:
    """Apply the safe fixes for what lint finds; return 1 when findings are left."""
    text = as_text(read_file(path), path)
    result = fix_rules(text, path.name)
    change = plan_change(path, text, result.text) if result.text != text else None
    fixed = FixAnswer(
        file=str(path),
        written=change is not None and not dry_run,
        diff=change.diff if change else (),
        fixed=result.fixed,
        left=result.left,
    )
    for done in result.fixed if not json else ():
        say(done)
    if change:
        _carry_out(change, fixed, done=sentence("{number} fixed.", number=len(result.fixed)), json=json)
    elif json:
        answer(fixed)
    else:
        say(sentence("There is nothing that --fix can fix."))
    if result.left == 1 and not json:
        say(sentence('1 finding needs your decision: "monitor rules lint" lists what is left.'))
    elif result.left and not json:
        say(
            sentence(
                '{number} findings need your decision: "monitor rules lint" lists what is left.',
                number=result.left,
            )
        )
    return int(bool(result.left))


def import_words(path: Path, file: Path, *, into_config: bool, json: bool) -> int:
    """Print the words of TrendRadar as rules, or add them to config.toml; return 0.

    What is treated differently here goes to standard error.
    """
    imported = read_words(decode_words(_read_bytes(file), str(file)))
    for note in imported.notes if not json else ():
        complain(
            sentence(
                "{file}, line {line}: {text}: {what}",
                **{"file": file.name, "line": note.line, "text": note.text, "what": note.what},
            )
        )
    if not imported.rules:
        raise MonitorError(
            sentence("{file} has no group of words, so there is no rule to make of it", file=str(file))
        )
    change = _plan(path, lambda text: with_rules(text, imported)) if into_config else None
    answered = ImportAnswer(
        file=str(path),
        written=into_config,
        diff=change.diff if change else (),
        toml=as_toml(imported),
        rules=tuple(rule.name for rule in imported.rules),
        notes=tuple(ImportNote(line=note.line, text=note.text, what=note.what) for note in imported.notes),
    )
    rules = count(len(imported.rules), "rule")
    if change:
        _carry_out(
            change,
            answered,
            done=sentence("{path} has {rules} more.", path=str(path), rules=rules),
            json=json,
        )
        if not json:
            say(sentence('Next: "monitor rules lint" checks them, "monitor preview" shows what they bring.'))
    elif json:
        answer(answered)
    else:
        put(answered.toml)
        complain(
            sentence(
                "{rules} read, nothing was changed. With --write they are put into {path}.",
                rules=rules,
                path=str(path),
            )
        )
    return 0


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise MonitorError(
            sentence("{path} cannot be read: {why}", path=str(file), why=reason_of(error))
        ) from None


def _plan(path: Path, edit: Callable[[str], str]) -> Change:
    text = read_valid_text(path)
    return plan_change(path, text, edit(text))


def _carry_out(change: Change, edited: EditAnswer, *, done: str, json: bool) -> None:
    """Show a change, and make it unless this is a dry run."""
    if not json:
        show_diff(change.diff)
    why_not_undone = _record_rules_before(change) if edited.written else ""
    if edited.written:
        write_change(change)
    if json:
        answer(edited)
    elif not edited.written:
        say(sentence("Nothing was changed."))
    else:
        say(sentence("{done} A running service applies this within two seconds.", done=done))
        if why_not_undone:
            say(sentence("It cannot be undone by a command: {why}", why=why_not_undone))
        else:
            say(sentence('"monitor rules undo" takes it back.'))


def _record_rules_before(change: Change) -> str:
    """Record the rules before a change as a version, so that it can be undone; return why not, where they cannot be."""
    try:
        loaded = check_bytes(change.path, change.before)
    except ConfigError:
        return sentence("the file was refused before, so its rules were never in force.")

    async def record(db: Database) -> None:
        await db.write(record_rules, loaded, await time_of(db))

    try:
        use_database(loaded.store_url, record, writable=True)
    except StoreError as error:
        return error.text
    return ""


def apply(
    path: Path, since: str, *, held_back: bool, limit: int | None, rule: str | None, dry_run: bool, json: bool
) -> int:
    """Offer earlier entries that match now and were never mailed to the next digest; return 0.

    With `held_back` they are those that were too old at a feed's first visit.
    """
    # What composing takes is not loaded for a word more in a rule.
    from monitor.jobs.backfill import Backfill, backfill
    from monitor.queries.answers.rules import BackfillAnswer
    from monitor.service.runtime import digest_context
    from monitor.store import entries, pruned

    loaded, now = load_complete(path), clock()
    names = [each.name for each in loaded.config.rules]
    if rule is not None and rule not in names:
        raise no_rule(rule, names)
    try:
        start = now - duration(since)
    except (ValueError, OverflowError) as error:
        raise MonitorError(sentence("--since {since}: {what}", since=since, what=said(error))) from None

    async def offer(db: Database) -> tuple[int, int, list[Backfill]]:
        complain_each(await db.write(register, loaded, await time_of(db)))
        kept = await db.read(entries.count_held_back, published_since=start)
        to_judge = kept if held_back else await db.read(entries.count_news_since, start)
        without_texts = await db.read(pruned.count_since, start)
        with progress(sentence("judging"), to_judge) as step:
            return (
                kept,
                without_texts,
                await backfill(
                    loaded.config.subscriptions,
                    context=digest_context(loaded),
                    since=start,
                    now=now,
                    db=db,
                    only=rule,
                    held_back=held_back,
                    limit=limit,
                    dry=dry_run,
                    step=step,
                ),
            )

    kept, without_texts, backfills = use_database(loaded.store_url, offer, writable=True)
    if json:
        answer([BackfillAnswer.of(each, held_back=kept, pruned=without_texts) for each in backfills])
        return 0
    for each in backfills:
        say(_offered(each.subscription.name, len(each.entries), dry_run=dry_run))
        for pending in each.entries:
            day = f"{pending.entry.when.astimezone():%Y-%m-%d} " if held_back else ""
            say(f"    {day}{pending.entry.title or pending.entry.id}")
        if each.beyond:
            say(
                sentence(
                    "    and {number} more match; --limit {limit} takes them along.",
                    number=each.beyond,
                    limit=len(each.entries) + each.beyond,
                )
            )
    if kept and not held_back:
        say_held_back(kept, since, loaded.config.feeds)
    if not held_back:
        say_pruned(without_texts)
    return 0


def _offered(subscription: str, number: int, *, dry_run: bool) -> str:
    values = {"subscription": subscription, "number": number}
    if dry_run:
        if number == 1:
            return sentence("{subscription}: the next digest would bring 1 earlier entry.", **values)
        return sentence("{subscription}: the next digest would bring {number} earlier entries.", **values)
    if number == 1:
        return sentence("{subscription}: the next digest will bring 1 earlier entry.", **values)
    return sentence("{subscription}: the next digest will bring {number} earlier entries.", **values)
