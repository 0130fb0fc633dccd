"""Commands about stored entries and the rules: rules explain, rules diff."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from monitor.cli.database import use_database
from monitor.cli.moments import Times, times_of
from monitor.cli.terminal import answer, complain, count, progress, say, say_pruned
from monitor.config.reading import parse_config
from monitor.errors import MonitorError
from monitor.loaded import LoadedConfig, load
from monitor.masking import mask
from monitor.model.rules import Hit
from monitor.queries.answers.rules import DiffAnswer, ExplainedEntry
from monitor.queries.difference import Compared, compare_rules
from monitor.queries.explain import Explained
from monitor.queries.explain import explain as explain_entries
from monitor.rules.changes import ChangeKind, MatchChange, summary
from monitor.rules.match import Cause, Judgement, Ruleset, compile_rules
from monitor.rules.scan import text_of
from monitor.rules.score import HINT
from monitor.service.clock import clock
from monitor.store import entries, rulesets
from monitor.store.database import Database
from monitor.texts import joined, sentence

_EXCERPT_MARGIN = 24  # characters shown on each side of a word in a longer text
_EXCLUDING_WORDS = {Cause.NONE, Cause.IGNORE}
_MARKS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.MOVED: "~"}


def explain(path: Path, name: str, *, json: bool) -> int:
    """Show what the rules say of the entry with this id, link or number, and its mails; return 1 when there is none."""
    loaded = load(path)
    explained = use_database(loaded.store_url, lambda db: explain_entries(name, rules=loaded.rules, db=db))
    if json:
        answer([ExplainedEntry.of(entry) for entry in explained])
    else:
        times = times_of(loaded.config, clock())
        for number, entry in enumerate(explained):
            if number:
                say("")
            _show_entry(entry, loaded.rules.feeds, times)
        times.say_zone()
    if not explained:
        complain(sentence('no stored entry has the id, the link or the number "{name}".', name=name))
    return int(not explained)


def _show_entry(explained: Explained, feeds: Mapping[str, str], times: Times) -> None:
    entry, judgements = explained.entry, explained.judgements
    hits = [hit for each in judgements for hit in (*each.hits, *each.against, *each.ignored)]
    say(f"{explained.seq}  {mark_hits(entry.title, [hit for hit in hits if hit.field == 'title'])}")
    feed = feeds.get(entry.feed_url) or mask(entry.feed_url)
    say(f"    {feed} · {times.at(entry.when)} · {entry.link or entry.id}")
    for judgement in judgements:
        excluded_by_word = not judgement.scope and not _EXCLUDING_WORDS.isdisjoint(judgement.reasons)
        if judgement.match or judgement.near or excluded_by_word:
            say("")
            _show_judgement(judgement, explained, feeds)
    without_word = sum(not judgement.hits for judgement in judgements)
    say("")
    if without_word == 1:
        say(sentence("1 rule of {all} has no word in it.", all=len(judgements)))
    elif without_word:
        say(sentence("{number} rules of {all} have no word in it.", number=without_word, all=len(judgements)))
    if explained.pruned:
        say(
            sentence(
                "It is older than [store] keep: summary and text are gone, and the rules see its title alone."
            )
        )
    if not explained.news:
        say(
            sentence(
                'It was too old when its feed brought it: only "monitor rules apply --held-back" mails it.'
            )
        )
    for mailing in explained.mailed:
        values = {
            "subscription": mailing.subscription,
            "time": times.at(mailing.at),
            "slot": times.slot(mailing.subscription, mailing.slot),
            "title": explained.leads.get(mailing.lead or 0, ""),
        }
        if mailing.lead:
            say(
                sentence(
                    "Mailed to {subscription}: {time} (the digest of {slot}), folded into: {title}", **values
                )
            )
        else:
            say(sentence("Mailed to {subscription}: {time} (the digest of {slot}).", **values))
    if not explained.mailed:
        say(sentence("It has not been mailed."))


def _show_judgement(judgement: Judgement, explained: Explained, feeds: Mapping[str, str]) -> None:
    values = {"rule": judgement.rule, "score": judgement.score, "threshold": judgement.threshold}
    if judgement.match:
        say(sentence("{rule}: matches, score {score:g}, threshold {threshold:g}", **values))
    elif judgement.near:
        say(sentence("{rule}: near miss, score {score:g}, threshold {threshold:g}", **values))
    else:
        say(sentence("{rule}: does not match, score {score:g}, threshold {threshold:g}", **values))
    for points in judgement.points:
        hint = f" x {HINT:g} (hint)" if points.key == "hints" else ""
        product = f"{points.weight:g} x {points.worth:g} ({points.field}){hint} = {points.points:g}"
        say(f"    {points.key}: {points.word}: {product}")
    if judgement.why_not:
        by_word = judgement.against or judgement.ignored
        why = judgement.why_not
        say(sentence("    excluded by {why}", why=why) if by_word else joined("", ("    ", why)))
    for field in dict.fromkeys(hit.field for hit in judgement.hits if hit.field != "title"):
        hits = [hit for hit in judgement.hits if hit.field == field]
        say(f"    {field}: {excerpt(text_of(explained.entry, field, feeds), hits)}")


def mark_hits(text: str, hits: Iterable[Hit]) -> str:
    """Return the text with «marks» around its hits; of hits that overlap, the first and longest is marked."""
    marked, at = "", 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= at:
            marked += f"{text[at : hit.start]}«{text[hit.start : hit.end]}»"
            at = hit.end
    return marked + text[at:]


def excerpt(text: str, hits: Sequence[Hit]) -> str:
    """Return the surroundings of the first hit, in one line, with the hit marked."""
    first = min(hits, key=lambda hit: hit.start)
    start, end = max(0, first.start - _EXCERPT_MARGIN), first.end + _EXCERPT_MARGIN
    cut = f"{text[start : first.start]}«{text[first.start : first.end]}»{text[first.end : end]}"
    return ("…" if start else "") + " ".join(cut.split()) + ("…" if end < len(text) else "")


def diff(path: Path, new: Path | None, *, days: int, json: bool) -> int:
    """Show which stored entries match other rules by the rules of `new` than by those of `path`; return 0.

    Without `new`, the rules of `path` are compared with those in force.
    """
    loaded = load(path)
    edited = load(new) if new else loaded
    since = clock() - timedelta(days=days)

    async def compare(db: Database) -> tuple[Compared, Ruleset | None, str]:
        old, old_name = (loaded.rules, path.name) if new else await rules_in_force(loaded, db)
        with progress(sentence("comparing"), await db.read(entries.count_news_since, since)) as step:
            compared = await compare_rules(old, edited.rules, since=since, db=db, step=step)
        return compared, old, old_name

    compared, old, old_name = use_database(loaded.store_url, compare)
    summed_up = summary(compared.changes)
    if json:
        answer(DiffAnswer.of(old_name, str(new or path), compared, summed_up))
        return 0
    for change in compared.changes:
        say(f"{_MARKS[change.kind]} {change.entry.title or change.entry.id}")
        words = f"    {_rule_names(change)}: {', '.join(change.words)}"
        say(joined("", (words, " (", change.why, ")")) if change.why else words)
    say(
        sentence(
            "{file} against {old}, {entries} of {days}: {changes}.",
            file=(new or path).name,
            old=old_name,
            entries=count(compared.entries, "entry"),
            days=count(days, "day"),
            changes=summed_up,
        )
    )
    say_pruned(compared.pruned)
    if not compared.entries:
        say(sentence('Nothing is stored from that time: "monitor poll --all" polls the feeds now.'))
    elif not new and old and old.fingerprint == loaded.rules.fingerprint:
        say(
            sentence(
                "The file has the same rules. To see what an edit would change before it takes effect, save the\n"
                'edited text under another name: "monitor rules diff NEW.toml".'
            )
        )
    return 0


async def rules_in_force(loaded: LoadedConfig, db: Database) -> tuple[Ruleset | None, str]:
    """Return the rules that the service last took up, and what they are called.

    None where they cannot be read any more: then the stored matches stand for them.
    """
    version = await db.read(rulesets.newest)
    if version is None:
        return None, sentence("the stored matches")
    try:
        config = parse_config(version.text, f"version {version.version}", whole=False)
        rules = compile_rules(config.rules, loaded.config.feeds, config.aliases, config.matching.ignore)
    except MonitorError:
        return None, sentence("the stored matches")
    return rules, sentence("version {number}", number=version.version)


def _rule_names(change: MatchChange) -> str:
    old, new = (", ".join(reason.rule for reason in reasons) for reasons in (change.old, change.new))
    names = {ChangeKind.ADDED: new, ChangeKind.REMOVED: old, ChangeKind.MOVED: f"{old} -> {new}"}
    return names[change.kind]
