"""Write docs/guide/json.md: what each command answers with --json, from the types in monitor/queries/answers/.

The Chinese page, json.zh-CN.md, is made of the same types; its words stand in docs/json.zh-CN.po.
"""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from functools import reduce
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from babel.messages.pofile import read_po

from monitor.queries.answers import (
    config,
    feeds,
    health,
    recipients,
    rules,
    service,
    status,
    store,
    suppressions,
    work,
)

_DOCS = Path(__file__).parent
GUIDE = _DOCS / "guide" / "json.md"
CHINESE_GUIDE = _DOCS / "guide" / "json.zh-CN.md"
CHINESE_WORDS = _DOCS / "json.zh-CN.po"

Say = Callable[[str], str]  # returns a text in the language of the page

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
    "outbox list": list[status.OutboxMail],
    "outbox show": status.ShownMail,
    "outbox retry": list[status.OutboxChange],
    "outbox cancel": list[status.OutboxChange],
    "outbox hold": list[status.OutboxChange],
    "outbox release": list[status.OutboxChange],
    "bounce": suppressions.BounceAnswer,
    "suppressions list": list[suppressions.SuppressionAnswer],
    "suppressions add": suppressions.SuppressionAddAnswer,
    "suppressions remove": list[suppressions.SuppressionAnswer],
    "suppressions import": suppressions.SuppressionImportAnswer,
    "archive": work.ArchiveAnswer,
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
    "recipients list": list[recipients.RecipientAnswer],
    "recipients pause": list[recipients.ChoiceAnswer],
    "recipients resume": list[recipients.ChoiceAnswer],
    "recipients unsubscribe": list[recipients.ChoiceAnswer],
    "recipients resubscribe": list[recipients.ChoiceAnswer],
    "recipients new-key": recipients.NewKeyAnswer,
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

[中文](json.zh-CN.md)

Made by `make docs` from the types in `monitor/queries/answers/`.

With `--json` a command prints one JSON document on standard output, in UTF-8; `monitor match` prints one line for each
line it reads, with or without the option. Messages about what failed go to standard error. The exit code is the same as
without `--json`: 0 good, 1 something failed (and is named), 2 configuration or usage. `monitor config --json` prints
every option in force, in the form of config.toml.

Every field is always there, unless its meaning says otherwise. Times are ISO 8601 in UTC: `2026-11-24T08:00:00+00:00`.
Fields may be added; what is renamed or removed stands in the changelog.
"""

_CHINESE_HEAD = """\
# 供程序读取的回答

[English](json.md)

由 `make docs` 根据 `monitor/queries/answers/` 里的类型生成。

加上 `--json`，命令在标准输出写一份 JSON 文档，编码是 UTF-8；`monitor match` 不论有没有这个选项，读一行就写一行。
失败的说明写到标准错误。退出码与不加 `--json` 时相同：0 正常，1 有操作失败（并指明是哪个），2 配置或用法有误。
`monitor config --json` 按 config.toml 的形式写出生效的每个选项。

除非含义里另有说明，每个字段都会出现。时间是 ISO 8601 格式的 UTC：`2026-11-24T08:00:00+00:00`。
以后可能增加字段；改名或删除的会写进更新日志。回答里的说明文字总是英文。
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
    return make_guide(_HEAD, str)


def make_chinese_guide() -> str:
    """Return the text of docs/guide/json.zh-CN.md. Raises KeyError for words that have no Chinese."""
    return make_guide(_CHINESE_HEAD, chinese_words().__getitem__)


def chinese_words() -> Mapping[str, str]:
    """Return the Chinese of what the page says, by its English."""
    with CHINESE_WORDS.open("rb") as source:
        return {str(message.id): str(message.string) for message in read_po(source) if message.id}


def make_guide(head: str, say: Say) -> str:
    """Return a page that begins with `head`, each of its words as `say` puts it."""
    parts: dict[str, type] = {}
    lines = [head]
    for command, answer in ANSWERS.items():
        (kind,) = get_args(answer) if get_origin(answer) is list else (answer,)
        kinds = get_args(kind) or (kind,)
        lines += [f"## monitor {command}", ""]
        if kind is not answer:
            lines += [say("A list of these:" if len(kinds) == 1 else "A list of these, by `outcome`:"), ""]
        for each in kinds:
            lines += [say(_sentence(each)), "", *_table(each, parts, say), ""]
    lines += [f"# {say('Parts of the answers')}", ""]
    described: set[str] = set()
    while fresh := [name for name in parts if name not in described]:
        for name in fresh:
            described.add(name)
            lines += [f"## {name}", "", say(_sentence(parts[name])), "", *_table(parts[name], parts, say), ""]
    return "\n".join(lines)


def _sentence(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(kind: type, parts: dict[str, type], say: Say) -> Iterator[str]:
    """Yield the table of a type's fields; the types they are made of are added to `parts`."""
    yield say("| field | type | meaning |")
    yield "| --- | --- | --- |"
    meanings = _meanings(kind)
    for name, hint in get_type_hints(kind).items():
        yield f"| `{name}` | {_name(hint, parts, say)} | {say(meanings[name])} |"


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


def _name(hint: Any, parts: dict[str, type], say: Say) -> str:
    """Return how a type is called in the tables."""
    if hint in _NAMES:
        return say(_NAMES[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _either([_name(argument, parts, say) for argument in arguments], say)
    if origin is Literal:
        return _either([f'`"{value}"`' for value in arguments], say)
    if origin is tuple:
        return say("list of {kind}").format(kind=_name(arguments[0], parts, say))
    if origin is not None and issubclass(origin, Mapping):
        return say("object of {kind}").format(kind=_name(arguments[1], parts, say))
    if issubclass(hint, Enum):
        return _either([f'`"{member.value}"`' for member in hint], say)
    parts[hint.__name__] = hint
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


def _either(names: list[str], say: Say) -> str:
    return reduce(lambda first, other: say("{first} or {other}").format(first=first, other=other), names)


if __name__ == "__main__":
    GUIDE.write_text(make_json_guide(), "utf-8")
    CHINESE_GUIDE.write_text(make_chinese_guide(), "utf-8")
