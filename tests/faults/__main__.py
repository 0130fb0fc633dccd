"""Play every fault and print a table by class: `python -m tests.faults [--only WORD] [--json]`."""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.fault import FAULTS, Fault
from tests.faults.judge import COLUMNS, ON_TIME, SETTLED, polls_late
from tests.faults.play import Result, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument(
        "--only", default="", help="faults whose class or name has this word, and good neighbours"
    )
    parser.add_argument("--without", default="", help="and these left out")
    parser.add_argument("--seconds", type=float, default=50.0, help="to play at least")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    faults = [
        fault
        for fault in FAULTS
        if fault.kind == "neighbours"
        or (_is_chosen(fault, options.only) and not (options.without and _is_chosen(fault, options.without)))
    ]
    with TemporaryDirectory() as folder:
        result = play(Path(folder), faults, least=options.seconds, most=options.seconds + 10)
    print(json.dumps(as_json(result), ensure_ascii=False, indent=1) if options.json else table(result))
    return 0 if result.is_good else 1


def _is_chosen(fault: Fault, word: str) -> bool:
    return not word or word == fault.kind or word in fault.name


def table(result: Result) -> str:
    lines = [f"{'class':12}{'faults':>8}" + "".join(f"{column:>19}" for column in COLUMNS)]
    for kind in dict.fromkeys(verdict.played.fault.kind for verdict in result.verdicts):
        verdicts = [verdict for verdict in result.verdicts if verdict.played.fault.kind == kind]
        good = [
            "-"
            if column == ON_TIME and kind != "neighbours"
            else str(sum(not verdict.wrong[column] for verdict in verdicts))
            for column in COLUMNS
        ]
        lines.append(f"{kind:12}{len(verdicts):>8}" + "".join(f"{count:>19}" for count in good))
    good_feeds = [verdict.played for verdict in result.verdicts if verdict.played.fault.kind == "neighbours"]
    worst, at = max(((late, at) for each in good_feeds for at, late in polls_late(each)), default=(0.0, 0.0))
    lines += [
        f"{len(result.verdicts)} feeds, {result.seconds:.0f} s, {result.mails} mails; good feeds at most {worst:.1f} s"
        f" after their time (at {at - result.began:.0f} s; judged from {SETTLED:g} s on);"
        f" stopped in {result.stop_seconds:.1f} s",
        *(f"WRONG {line}" for line in result.failures()),
    ]
    return "\n".join(lines)


def as_json(result: Result) -> dict[str, object]:
    return {
        "feeds": len(result.verdicts),
        "seconds": round(result.seconds, 1),
        "mails": result.mails,
        "stop_seconds": round(result.stop_seconds, 1),
        "wrong": result.failures(),
    }


if __name__ == "__main__":
    sys.exit(main())
