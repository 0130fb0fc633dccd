"""Disturb the service at random, and count what is lost or repeated: `python bench/storm.py [--help]`."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.storm.arrivals import Tally
from tests.storm.disturbances import KINDS
from tests.storm.play import Result, storm
from tests.storm.world import Options

_NAMES = [kind.name for kind in KINDS]


def main() -> int:
    """Play a storm for each seed; return 1 when something was lost or repeated."""
    arguments = _arguments()
    # Leave by an exception, so that disks are unmounted and processes ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: list[Result] = []
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for seed in arguments.seeds:
            task = progress.add_task(f"seed {seed}", total=arguments.disturbances)
            folder = Path(tempfile.mkdtemp(prefix=f"storm-{seed}-"))
            result = storm(
                folder,
                Options(
                    disturbances=arguments.disturbances,
                    seed=seed,
                    database=arguments.database,
                    kinds=arguments.only,
                    burst=arguments.burst,
                ),
                lambda number, what, task=task, seed=seed: progress.update(
                    task, completed=number, description=f"seed {seed}: {what}"
                ),
            )
            results.append(result)
            if result.is_good:
                shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        print(json.dumps([result.as_json() for result in results], ensure_ascii=False, indent=2))
    else:
        _show(results)
    return 0 if all(result.is_good for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Disturb a real service between a feed and a mail server on loopback; judge by what arrived.",
        epilog=f"Kinds: {', '.join(_NAMES)}. Full disks need root, shifted clocks a C compiler.",
    )
    parser.add_argument("--seeds", type=_seeds, default=(1,), help="1,2,3 or 1-5 (default 1): one storm each")
    parser.add_argument("--disturbances", type=int, default=100, help="in each storm (default 100)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--only", type=_kinds, default=(), help="kinds, or how they begin: kill,relay,clock-1d"
    )
    parser.add_argument("--burst", type=int, default=450, help="entries at once, at most (default 450)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


def _seeds(text: str) -> tuple[int, ...]:
    first, dash, last = text.partition("-")
    return tuple(range(int(first), int(last) + 1)) if dash else tuple(map(int, text.split(",")))


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not any(kind.startswith(name) for kind in _NAMES):
            raise argparse.ArgumentTypeError(f"there is no kind {name}: {', '.join(_NAMES)}")
    return names


def _show(results: list[Result]) -> None:
    """Print the table of all storms, and what else is to be told."""
    sums: dict[str, Tally] = {}
    for result in results:
        for tally in result.verdict.tallies.values():
            _add(sums.setdefault(tally.kind, Tally(kind=tally.kind)), tally)
    total = Tally(kind="all")
    for tally in sums.values():
        _add(total, tally)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("kind", "played", "entries", "mails", "lost", "repeated", "excused repeats"):
        table.add_column(heading, justify="right" if heading in _COUNTED else "left")
    for tally in [*sorted(sums.values(), key=lambda tally: tally.kind), total]:
        counts = (tally.played, tally.entries, tally.mails, tally.lost, tally.repeated)
        excused = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.excused.items()))
        table.add_row(tally.kind, *map(str, counts), excused)
    console = Console(width=140)
    console.print(table)
    for result in results:
        name = f"seed {result.options.seed}"
        console.print(f"{name}: {result.seconds:.0f} s", highlight=False)
        for kind, why in result.left_out.items():
            console.print(f"{name}: {kind} left out: {why}", highlight=False)
        if result.ended:
            console.print(f"{name}: the service ended by itself: {_grouped(result.ended)}", highlight=False)
        if result.slow_stops:
            seconds = ", ".join(f"{stop:.0f}" for stop in result.slow_stops)
            console.print(f"{name}: stops that took longer than 10 s: {seconds} s", highlight=False)
        if result.evidence:
            console.print(f"{name}: evidence in {result.evidence}", highlight=False, soft_wrap=True)


_COUNTED = ("played", "entries", "mails", "lost", "repeated")


def _add(total: Tally, tally: Tally) -> None:
    for name in _COUNTED:
        setattr(total, name, getattr(total, name) + getattr(tally, name))
    total.excused.update(tally.excused)


def _grouped(ended: list[str]) -> str:
    codes = Counter(line.rpartition(": ")[2] for line in ended)
    return ", ".join(f"{count} times {code}" for code, count in codes.items())


if __name__ == "__main__":
    sys.exit(main())
