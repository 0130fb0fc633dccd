"""Measure what matching costs, by words and size of text: `python bench/rules.py [SECONDS]`.

The words and the texts are made up, of one vocabulary whose use falls off as that of a real one does (Zipf); the
rules take theirs from its rarer part, 250 to a rule, one in six in latin letters. The rows in bold are the bars:
5,000 words over 10 KB of Chinese (UTF-8) in under 1 ms, compiled in under 200 ms, in under 50 MB.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from rich.console import Console
from rich.table import Table

from monitor.config.options import Rule
from monitor.model.feeds import Entry
from monitor.rules.match import Ruleset, compile_rules, match_entry
from tests import make

WORDS = (50, 500, 5_000, 20_000)
SIZES = (1, 10, 100)  # KB
IN_A_RULE = 250
SEED = 4
CHARACTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 3_000)))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vocabulary(size: int = 60_000) -> list[str]:
    """Return words of two to four Chinese characters, and some of latin letters, the most used first."""
    draw = random.Random(SEED)
    common = list(accumulate(1 / (rank + 20) for rank in range(len(CHARACTERS))))
    words: dict[str, None] = {}
    while len(words) < size:
        if draw.random() < 1 / 6:
            words["".join(draw.choices(LETTERS, k=draw.randint(3, 9)))] = None
        else:
            words["".join(draw.choices(CHARACTERS, cum_weights=common, k=draw.choice((2, 2, 2, 3, 4))))] = (
                None
            )
    return list(words)


def text(words: Sequence[str], kilobytes: int, seed: int) -> str:
    """Return sentences of these words, of so many KB in UTF-8."""
    draw = random.Random(seed)
    use = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    pieces: list[str] = []
    size = 0
    while size < kilobytes * 1024:
        word = draw.choices(words, cum_weights=use)[0]
        pieces.append(f" {word} " if word.isascii() else word)
        pieces += draw.choice(("", "", "", "的", "，", "。", "了"))
        size += sum(len(piece.encode()) for piece in pieces[-2:])
    return "".join(pieces)


def rules(words: Sequence[str], count: int) -> list[Rule]:
    """Return rules of 250 words each, taken from the rarer ones."""
    chosen = random.Random(SEED + 1).sample(words[1_000:], count)
    return [
        Rule(name=f"rule {at}", any=tuple(chosen[at : at + IN_A_RULE])) for at in range(0, count, IN_A_RULE)
    ]


def entries(words: Sequence[str], kilobytes: int, count: int = 20) -> list[Entry]:
    """Return entries that differ, so that nothing is cached from the entry before."""
    return [
        make.entry(title=text(words, 1, -seed)[:25], summary="", text=text(words, kilobytes, seed))
        for seed in range(1, count + 1)
    ]


def milliseconds(ruleset: Ruleset, sample: Sequence[Entry], seconds: float) -> float:
    """Return the median time of matching one of the entries, measured again and again."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < len(sample):
        for entry in sample:
            began = time.perf_counter()
            match_entry(entry, ruleset)
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def compiled_apart(count: int) -> dict[str, float]:
    """Compile in a process of its own; return {"dictionaries", "first", "again": ms, "memory": MB}."""
    run = subprocess.run(
        [sys.executable, __file__, "--compile", str(count)], check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(run.stdout)
    return result


def compile_here(count: int) -> None:
    """Print what `compiled_apart` reads. The dictionaries of OpenCC, which are there anyhow, are loaded before."""
    chosen = rules(vocabulary(), count)
    began = time.perf_counter()
    compile_rules([Rule(name="one", any=("软件",))], [])
    loaded = time.perf_counter()
    memory = resident()
    kept = compile_rules(chosen, [])
    first = time.perf_counter()
    memory = resident() - memory
    again = [time.perf_counter()]
    for _ in range(5):
        compile_rules(chosen, [])
        again.append(time.perf_counter())
    spent = [after - before for before, after in pairwise(again)]
    assert kept.rules
    print(
        json.dumps(
            {
                "dictionaries": (loaded - began) * 1000,
                "first": (first - loaded) * 1000,
                "again": statistics.median(spent) * 1000,
                "memory": memory,
            }
        )
    )


def resident() -> float:
    """Return the MB of this process in memory at this moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main(seconds: float) -> None:
    """Measure and print."""
    words = vocabulary()
    texts = {size: entries(words, size) for size in SIZES}
    by_size = Table("words", "KB", "hits", "match, ms", title="One entry, median")
    by_words = Table(
        "words", "first, ms", "again, ms", "memory, MB", title="Compile, in a process of its own"
    )
    for count in WORDS:
        ruleset = compile_rules(rules(words, count), [])
        for size in SIZES:
            hits = statistics.median(
                sum(len(match.hits) for match in match_entry(entry, ruleset)) for entry in texts[size]
            )
            spent = milliseconds(ruleset, texts[size], seconds)
            style = "bold" if (count, size) == (5_000, 10) else ""
            by_size.add_row(f"{count:,}", f"{size}", f"{hits:.0f}", f"{spent:.2f}", style=style)
        cost = compiled_apart(count)
        by_words.add_row(
            f"{count:,}",
            *(f"{cost[key]:.1f}" for key in ("first", "again", "memory")),
            style="bold" if count == 5_000 else "",
        )
    console = Console()
    console.print(by_size)
    console.print(by_words)
    console.print(f"Loading the dictionaries of OpenCC before that, once: {cost['dictionaries']:.0f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compile"]:
        compile_here(int(sys.argv[2]))
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 1.0)
