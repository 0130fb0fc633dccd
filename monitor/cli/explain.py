"""The command that says why an entry came, or not: rules explain."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from monitor.cli.terminal import answer, complain, count, local_time, say
from monitor.loaded import load
from monitor.model.rules import Hit
from monitor.queries.answers.rules import ExplainedEntry
from monitor.queries.explain import Explained
from monitor.queries.explain import explain as look_up
from monitor.rules.match import Cause, Judgement
from monitor.rules.scan import text_of
from monitor.rules.score import HINT
from monitor.store.database import open_database

_AROUND = 24  # characters shown on each side of a word in a longer text
_BY_A_WORD = {Cause.NONE, Cause.IGNORE}


def explain(path: Path, name: str, *, json: bool) -> int:
    """Everything the rules say of an entry, and what became of it; 1 when there is none of that name."""
    current = load(path)

    async def work() -> list[Explained]:
        db = open_database(current.store_url, migrate=False)
        try:
            return await look_up(name, rules=current.rules, db=db)
        finally:
            await db.close()

    found = asyncio.run(work())
    if json:
        answer([ExplainedEntry.of(one) for one in found])
    for number, one in enumerate(() if json else found):
        if number:
            say("")
        _show(one, current.rules.feeds.get(one.entry.feed_url, one.entry.feed_url), current.rules.feeds)
    if not found:
        complain(f'no stored entry has the id, the link or the number "{name}".')
    return int(not found)


def _show(one: Explained, feed: str, feeds: Mapping[str, str]) -> None:
    speaking = [hit for judged in one.judgements for hit in (*judged.hits, *judged.against, *judged.ignored)]
    say(f"{one.seq}  {marked(one.entry.title, [hit for hit in speaking if hit.field == 'title'])}")
    say(f"    {feed} · {local_time(one.entry.when)} · {one.entry.link or one.entry.id}")
    for judged in one.judgements:
        by_a_word = not judged.scope and not _BY_A_WORD.isdisjoint(judged.reasons)
        if judged.match or judged.near or by_a_word:
            say("")
            _show_rule(judged, one, feeds)
    rest = sum(not judged.hits for judged in one.judgements)
    say("")
    if rest:
        have = "has" if rest == 1 else "have"
        say(f"{count(rest, 'rule')} of {len(one.judgements)} {have} no word in it.")
    if not one.news:
        say("It was too old when its feed was first visited ([[feeds]] first_visit), so it is never mailed.")
    for subscription, slot, at in one.mailed:
        say(f"Mailed to {subscription} on {local_time(at)} ({slot}).")
    if not one.mailed:
        say("It has not been mailed.")


def _show_rule(judged: Judgement, one: Explained, feeds: Mapping[str, str]) -> None:
    verdict = "matches" if judged.match else "near miss" if judged.near else "does not match"
    say(f"{judged.rule}: {verdict}, score {judged.score:g}, threshold {judged.threshold:g}")
    for points in judged.points:
        hint = f" x {HINT:g} (hint)" if points.key == "hints" else ""
        sum_ = f"{points.weight:g} x {points.worth:g} ({points.field}){hint} = {points.points:g}"
        say(f"    {points.key}: {points.word}: {sum_}")
    if judged.why_not:
        say(
            f"    excluded by {judged.why_not}"
            if judged.against or judged.ignored
            else f"    {judged.why_not}"
        )
    for field in dict.fromkeys(hit.field for hit in judged.hits if hit.field != "title"):
        hits = [hit for hit in judged.hits if hit.field == field]
        say(f"    {field}: {excerpt(text_of(one.entry, field, feeds), hits)}")


def marked(text: str, hits: Iterable[Hit]) -> str:
    """The text with «marks» around the places that were hit; of places that overlap, the first and longest."""
    told, at = "", 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= at:
            told += f"{text[at : hit.start]}«{text[hit.start : hit.end]}»"
            at = hit.end
    return told + text[at:]


def excerpt(text: str, hits: Sequence[Hit]) -> str:
    """The surroundings of the first hit, in one line, with its word marked."""
    first = min(hits, key=lambda hit: hit.start)
    start, end = max(0, first.start - _AROUND), first.end + _AROUND
    cut = f"{text[start : first.start]}«{text[first.start : first.end]}»{text[first.end : end]}"
    return ("…" if start else "") + " ".join(cut.split()) + ("…" if end < len(text) else "")
