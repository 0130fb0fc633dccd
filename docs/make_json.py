"""Write docs/guide/json.md: what each command answers with --json, from the types in monitor/queries/answers/."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from monitor.queries.answers import config, feeds, health, rules, service, status, store, suppressions, work

GUIDE = Path(__file__).parent / "guide" / "json.md"

# What each command prints; a list stands for a JSON list, and match prints one object a line.
ANSWERS: Mapping[str, Any] = {
    "check": config.CheckAnswer,
    "poll": list[work.PollAnswer],
    "digest": list[work.DigestAnswer],
    "digest --again": work.SentAgainAnswer,
    "digest --excluded": list[work.ExcludedAnswer],
    "deliver": list[work.AttemptAnswer],
    "once": work.RoundAnswer,
    "preview": list[work.PreviewedDigest],
    "status": status.StatusAnswer,
    "outbox": list[status.OutboxMail],
    "bounce": suppressions.BounceAnswer,
    "suppressions list": list[suppressions.SuppressionAnswer],
    "suppressions add": suppressions.SuppressionAddAnswer,
    "suppressions remove": list[suppressions.SuppressionAnswer],
    "suppressions import": suppressions.SuppressionImportAnswer,
    "send-test": health.SendTestAnswer,
    "doctor": health.DoctorAnswer,
    "backup": store.BackupAnswer,
    "restore": store.RestoreAnswer,
    "service install": service.InstallAnswer,
    "service uninstall": service.InstallAnswer,
    "service alive": service.AliveAnswer,
    "store compact": status.CompactAnswer,
    "store copy": store.CopyAnswer,
    "feeds list": list[feeds.ListedFeed],
    "feeds test": feeds.FeedTestAnswer,
    "feeds add": feeds.FeedAddAnswer,
    "feeds remove": feeds.FeedEditAnswer,
    "feeds pause": feeds.FeedEditAnswer,
    "feeds resume": feeds.FeedEditAnswer,
    "feeds import": feeds.OpmlAnswer,
    "match": rules.MatchAnswer,
    "replay": list[work.ReplayedDigest],
    "rules lint": config.LintAnswer,
    "rules lint --fix": config.FixAnswer,
    "rules add": config.AddAnswer,
    "rules remove": config.EditAnswer,
    "rules import": config.ImportAnswer,
    "rules history": list[rules.RulesVersion],
    "rules show": rules.ShowAnswer,
    "rules undo": config.UndoAnswer,
    "rules explain": list[rules.ExplainedEntry],
    "rules diff": rules.DiffAnswer,
    "rules like": rules.LikeAnswer,
    "rules apply": list[rules.BackfillAnswer],
}

_HEAD = """\
# Answers for programs

Made by `make docs` from the types in `monitor/queries/answers/`.

With `--json` a command prints one JSON document on standard output, in UTF-8; `monitor match` prints one line for each
line it reads, with or without the option. Messages about what failed go to standard error. The exit code is the same as
without `--json`: 0 good, 1 something failed (and is named), 2 configuration or usage. `monitor config --json` prints
every option in force, in the form of config.toml.

Every field is always there, unless its meaning says otherwise. Times are ISO 8601 in UTC: `2026-11-24T08:00:00+00:00`.
Fields may be added; what is renamed or removed stands in the changelog.
"""

_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    NoneType: "null",
    object: "any",
}


def make_json_guide() -> str:
    """Return the text of docs/guide/json.md."""
    parts: dict[str, type] = {}
    lines = [_HEAD]
    for command, answer in ANSWERS.items():
        (kind,) = get_args(answer) if get_origin(answer) is list else (answer,)
        kinds = get_args(kind) or (kind,)
        lines += [f"## monitor {command}", ""]
        lines += ["A list of these:" if len(kinds) == 1 else "A list of these, by `outcome`:", ""] * (
            kind is not answer
        )
        for each in kinds:
            lines += [_sentence(each), "", *_table(each, parts), ""]
    lines += ["# Parts of the answers", ""]
    described: set[str] = set()
    while fresh := [name for name in parts if name not in described]:
        for name in fresh:
            described.add(name)
            lines += [f"## {name}", "", _sentence(parts[name]), "", *_table(parts[name], parts), ""]
    return "\n".join(lines)


def _sentence(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(kind: type, parts: dict[str, type]) -> Iterator[str]:
    """Yield the table of a type's fields; the types they are made of are added to `parts`."""
    yield "| field | type | meaning |"
    yield "| --- | --- | --- |"
    meanings = _meanings(kind)
    for name, hint in get_type_hints(kind).items():
        yield f"| `{name}` | {_name(hint, parts)} | {meanings[name]} |"


def _meanings(kind: type) -> dict[str, str]:
    """Return the comment behind each field of a class, those it inherits included."""
    meanings = {}
    for each in reversed(kind.__mro__):
        if not (is_dataclass(each) or issubclass(each, tuple)) or each.__module__ == "builtins":
            continue
        lines = inspect.getsource(each).splitlines()
        (declared,) = ast.parse("\n".join(lines)).body
        assert isinstance(declared, ast.ClassDef)
        for node in declared.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                behind = lines[node.lineno - 1].encode()[node.end_col_offset :].decode()
                meanings[node.target.id] = behind.partition("#")[2].strip().replace("|", "\\|")
    return meanings


def _name(hint: Any, parts: dict[str, type]) -> str:
    """Return how a type is called in the tables."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_name(argument, parts) for argument in arguments)
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin is tuple:
        return f"list of {_name(arguments[0], parts)}"
    if origin is not None and issubclass(origin, Mapping):
        return f"object of {_name(arguments[1], parts)}"
    if issubclass(hint, Enum):
        return " or ".join(f'`"{member.value}"`' for member in hint)
    parts[hint.__name__] = hint
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


if __name__ == "__main__":
    GUIDE.write_text(make_json_guide(), "utf-8")
