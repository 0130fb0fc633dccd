"""Measure which headlines are taken for one story: `python bench/stories.py FILE`, and what that takes.

FILE has a line of JSON for each pair: `id`; `a`, the earlier, and `b`, each with `title`, `outlet` and `published`;
`label` (same, update, different), `kind` (what makes a different one a trap), and where they are known `weight`, `pool`
and `band`. Told are precision and recall of "same" by weight, for Chinese and English apart and without the band "<.2",
then traps and updates that were folded, updates that were marked, and what an entry takes with 30,000 made-up ones in
the window. `--predict` reads such lines from the standard input and prints {"id": ..., "same": ..., "update": ...}.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.digests.stories import Kinship, Reader, Told, Window
from monitor.rules.fold import fold

NOW = datetime(2026, 11, 24, tzinfo=UTC)
IN_WINDOW = 30_000
READER = Reader(lambda text: fold(text).text)


def main() -> None:
    """Measure, or predict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--predict", action="store_true")
    args = parser.parse_args()
    if args.predict:
        pairs = [json.loads(line) for line in sys.stdin if line.strip()]
        for pair, kinship in zip(pairs, kinships(pairs), strict=True):
            found = {"same": kinship is Kinship.SAME, "update": kinship is Kinship.UPDATE}
            print(json.dumps({"id": pair["id"], **found}))
        return
    if args.file:
        report([json.loads(line) for line in args.file.read_text("utf-8").splitlines() if line.strip()])
    measure()


def kinships(pairs: Sequence[dict[str, Any]]) -> list[Kinship]:
    """Return what the later headline of each pair is to the earlier one, with all of them in the window."""
    told = [tuple(read(pair[side]) for side in "ab") for pair in pairs]
    window = Window(READER)
    for each in {(one.title, one.feed): one for both in told for one in both}.values():
        window.add(each)
    return [window.kinship(*both)[0] for both in told]


def read(headline: dict[str, Any]) -> Told:
    """Return a headline as it is compared."""
    when = datetime.fromisoformat(headline["published"])
    return READER.read(headline["title"], when, headline["outlet"])


def report(pairs: Sequence[dict[str, Any]]) -> None:
    """Print how well the pairs of a file are told apart."""
    found = list(zip(pairs, kinships(pairs), strict=True))
    for name, prefix in (("Chinese", "zh"), ("English", "en")):
        of_language = [
            (pair, kinship)
            for pair, kinship in found
            if pair.get("pool", "zh").startswith(prefix) and pair.get("band") != "<.2"
        ]
        folded = [pair for pair, kinship in of_language if kinship is Kinship.SAME]
        hit = weight(pair for pair in folded if pair["label"] == "same")
        wrong = weight(pair for pair in folded if pair["label"] == "different")
        same = weight(pair for pair, _ in of_language if pair["label"] == "same")
        if folded:
            print(f"{name}: precision {100 * hit / (hit + wrong):.1f} %, recall {100 * hit / same:.1f} %")
    traps = [kinship for pair, kinship in found if pair["label"] == "different" and pair["kind"] != "topic"]
    updates = [kinship for pair, kinship in found if pair["label"] == "update"]
    print(f"traps folded: {traps.count(Kinship.SAME)} of {len(traps)}")
    print(
        f"updates folded: {updates.count(Kinship.SAME)} of {len(updates)}, marked: {updates.count(Kinship.UPDATE)}"
    )


def weight(pairs: Iterator[dict[str, Any]]) -> float:
    """Return the weight of some pairs together."""
    return sum(pair.get("weight", 1.0) for pair in pairs)


def measure() -> None:
    """Print what an entry takes with a full window."""
    headlines = [made_up(number) for number in range(IN_WINDOW + 1000)]
    start = process_time()
    told = [
        READER.read(title, NOW + timedelta(minutes=number % 10_000), "")
        for number, title in enumerate(headlines)
    ]
    window = Window(READER)
    for each in told[:IN_WINDOW]:
        window.add(each)
    added = process_time()
    for each in told[IN_WINDOW:]:
        for place in window.like(each):
            window.kinship(each, window.told(place))
    asked = process_time()
    print(f"an entry: {1e3 * (added - start) / len(told):.3f} ms to read and add,", end=" ")
    print(f"{1e3 * (asked - added) / 1000:.3f} ms to compare (CPU), with {len(window):,} in the window")


def made_up(number: int) -> str:
    """Return a headline of some thirty characters, of made-up names and the words that headlines share."""
    draw = random.Random(number)
    names = random.Random(number // 3 if number % 5 else number)  # most have others of their story
    words = sorted(COMMON)
    name = "".join(chr(names.randrange(0x4E00, 0x4E00 + 3000)) for _ in range(4))
    what = "".join(draw.choice(words) for _ in range(8))
    return f"{name}{what[:10]}{draw.randrange(10_000)}{what[10:]}"


COMMON = {word for word in READER.common if not word.isascii()}


if __name__ == "__main__":
    main()
