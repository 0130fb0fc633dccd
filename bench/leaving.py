"""Kill the service while recipients leave, and count the mails to who had left: `python bench/leaving.py [--help]`."""

import argparse
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.postgres import running_postgres
from tests.storm.leaving import Plan, play


def main() -> int:
    """Play once for each seed; return 1 when somebody who had left got a mail."""
    arguments = _arguments()
    wrong: list[str] = []
    with running_postgres() if arguments.database == "postgres" else nullcontext() as postgres:
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            with tempfile.TemporaryDirectory(prefix="leaving-") as folder:
                url = postgres.url(postgres.create()) if postgres else f"sqlite:///{folder}/monitor.db"
                started = time.monotonic()
                outcome = play(Plan(url=url, kills=arguments.kills, seed=seed, life=arguments.life))
                values = {**asdict(outcome), "wrong": len(outcome.wrong)}
                said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
                print(
                    f"{arguments.database}, seed {seed}, {time.monotonic() - started:.0f} s: {said}",
                    flush=True,
                )
                wrong += outcome.wrong
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100, help="in each run (default 100)")
    parser.add_argument(
        "--life",
        type=float,
        default=1.0,
        help="seconds that the service lives at most; more on a busy machine (default 1)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
