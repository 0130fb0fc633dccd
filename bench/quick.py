"""Compare the two ways to read a feed, with and without feedparser, over a folder: `python bench/quick.py FOLDER`."""

import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.config.options import Feed
from monitor.errors import ParseError
from monitor.feeds.parse import parse
from monitor.feeds.quick import parse_plain

_FEED = Feed(name="feed", url="https://feed.example/feed.xml")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main(folder: Path) -> int:
    """Print the table; return 1 when the two ways differ on any document."""
    counts: Counter[str] = Counter()
    seconds = {"quick": 0.0, "feedparser": 0.0}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        body = path.read_bytes()
        start = time.process_time()
        quick = parse_plain(body, feed=_FEED, now=_NOW)
        if quick:
            quick = replace(quick, entries=tuple(map(quick.complete, quick.entries)))
        middle = time.process_time()
        try:
            slow = parse(body, feed=_FEED, now=_NOW)
        except ParseError:
            counts["no feed"] += quick is None
            slow = None
        if quick:
            counts["read without feedparser"] += 1
            seconds["quick"] += middle - start
            seconds["feedparser"] += time.process_time() - middle
            if quick != slow:
                counts["read otherwise"] += 1
                print(path)
        elif slow:
            counts["left to feedparser"] += 1
    for what, count in counts.most_common():
        print(f"{what:25} {count:6}")
    if plain := counts["read without feedparser"]:
        for way, spent in seconds.items():
            print(f"{way:25} {1000 * spent / plain:6.2f} ms of CPU for a plain document")
    return 1 if counts["read otherwise"] else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(0)  # the documents are not part of the project: `make bench` has nothing to measure here
    sys.exit(main(Path(sys.argv[1])))
