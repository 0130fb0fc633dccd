"""Read a config.toml into a Config, or report every problem in it at once."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from monitor.config.addresses import parse_mailbox
from monitor.config.conversion import Mistake, convert_table
from monitor.config.environment import NO_OVERRIDES, Overrides, variable_of
from monitor.config.options import NOUN_TABLES, OPTION_TABLES, Config, options_of
from monitor.config.positions import Positions, caret, read_positions
from monitor.config.toml_errors import describe_toml_error
from monitor.errors import ENVIRONMENT, ConfigError, Problem, nearest, suggestion
from monitor.masking import MASK, mask_line
from monitor.reasons import reason_of
from monitor.texts import Text, in_quotes, joined, listed, sentence

_NO_SECOND = {
    "feeds": ("name", "url"),
    "rules": ("name",),
    "subscriptions": ("name",),
}  # keys that name one table each
_NAMED = (
    ("rules", "feeds", "feeds"),
    ("subscriptions", "rules", "rules"),
)  # table, key, and the table it names
_Places = Callable[[], Positions]
# Codecs of Python in the order in which they are tried, with the name that editors give the encoding.
_CHINESE_ENCODINGS = (("gb2312", "GBK"), ("big5hkscs", "Big5"), ("gb18030", "GBK"))
_LONGEST_SHOWN = 200  # characters of a value in a message
_URLS = ("url", "proxy", "host")  # of broken ones, less is certain than of others where a secret ends


def read_file(path: Path) -> bytes:
    """Return the bytes of a configuration file. Raises ConfigError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if path.name == "config.toml":
            what = sentence('there is no such file. Make one with "monitor init".')
        else:
            what = sentence('there is no such file. Is the name right? "monitor init" makes a config.toml.')
        raise _refusal(path, what) from None
    except OSError as error:
        raise _refusal(path, sentence("it cannot be read: {why}.", why=reason_of(error))) from None


def as_text(raw: bytes, path: Path) -> str:
    """Decode a configuration file, without its byte order mark. Raises ConfigError."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refusal(path, *_other_encoding(raw, line, error)) from None


def _other_encoding(raw: bytes, line: int, error: UnicodeDecodeError) -> tuple[Text, int | None]:
    """Return in which encoding a file seems to be saved that is not UTF-8, and the line of that if it is known."""
    way = sentence("Save it as UTF-8 (in Windows Notepad: Save as, Encoding: UTF-8).")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or raw.count(b"\0") > len(raw) // 4:
        return sentence("this is UTF-16, not UTF-8. {way}", way=way), None
    if b"\0" in raw:
        return sentence("this is no text file."), None
    if error.reason == "unexpected end of data":
        return sentence("the file ends in the middle of a character: it is cut off."), line
    for encoding, name in _CHINESE_ENCODINGS:
        with suppress(UnicodeDecodeError):
            written = raw.decode(encoding).split("\n")[line - 1].removesuffix("\r")
            column = next(number for number, character in enumerate(written) if not character.isascii())
            what = sentence(
                "this is {name}, not UTF-8: its first Chinese character stands here. {way}",
                name=name,
                way=way,
            )
            return joined("", (what, caret(*mask_line(written, column)))), line
    return sentence("byte {byte} is not UTF-8. {way}", byte=error.start, way=way), line


def _refusal(path: Path, what: str, line: int | None = None) -> ConfigError:
    return ConfigError(str(path), [Problem(where=sentence("the file"), key="", line=line, what=what)])


def parse_config(text: str, path: str, *, whole: bool = True, overrides: Overrides = NO_OVERRIDES) -> Config:
    """Check a TOML text; `path` is only for messages. Raises ConfigError with every problem found.

    `whole` is False for the rules of a file alone: they may name feeds that are not in it. What stands in `overrides`
    takes the place of what the text says.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = describe_toml_error(error, text)
        raise _refusal(Path(path), what, line) from None
    except RecursionError:
        raise _refusal(Path(path), sentence("its lists or tables are too deep inside each other.")) from None
    positions = cache(partial(read_positions, text))  # most files have no problem to be located
    problems = [*overrides.problems, *_unknown_tables(raw, positions)]
    tables = {
        name: _read(name, 0, _overridden(raw.get(name, {}), name, overrides), positions, problems, overrides)
        for name in OPTION_TABLES
    }
    nouns = {name: _read_all(name, raw.get(name, []), positions, problems) for name in NOUN_TABLES}
    aliases = _aliases(raw.get("aliases", {}), positions, problems)
    problems += _used_twice(nouns, positions)
    if operator := tables["operator"]:
        problems += _one_address_twice("operator", 0, operator.to, positions, _title("operator", None))
    for index, subscription in nouns["subscriptions"]:
        title = _title("subscriptions", subscription.name)
        problems += _one_address_twice("subscriptions", index, subscription.to, positions, title)
    if whole:
        problems += _naming_nothing(raw, nouns, positions)
    if problems:
        raise ConfigError(path, sorted(problems, key=lambda problem: problem.line or 0))
    lists: dict[str, Any] = {name: tuple(table for _, table in indexed) for name, indexed in nouns.items()}
    return Config(**tables, **lists, aliases=aliases)


def _unknown_tables(raw: Mapping[str, Any], positions: _Places) -> Iterator[Problem]:
    known = [*OPTION_TABLES, *NOUN_TABLES, "aliases"]
    for name in raw:
        if name in known:
            continue
        line = positions().line_of(name) or positions().line_of("", 0, name)
        is_table = isinstance(raw[name], dict | list) and positions().line_of(name)
        tables = "" if is_table else _tables_with(name)
        if tables:
            what = sentence(
                "stands before the first table of the file, and belongs into {tables}.", tables=tables
            )
            yield Problem(where=name, key="", line=line, what=what)
        else:
            what, instead = sentence("is not known."), suggestion(name, known)
            yield Problem(where=f"[{name}]", key="", line=line, what=what, instead=instead)


def _tables_with(key: str) -> str:
    """Return the heads of the tables that have an option of this name, "" when none has."""
    tables = (*OPTION_TABLES.items(), *NOUN_TABLES.items())
    having = [table for table, kind in tables if key in (declared.name for declared in options_of(kind))]
    return listed(_title(table, None) for table in having)


def _read_all(name: str, raw: object, positions: _Places, problems: list[Problem]) -> list[tuple[int, Any]]:
    """Read the tables of an array; return those without a problem, each with its index."""
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        what = sentence("several of these may stand in the file.")
        instead = sentence("Write [[{name}]] with two brackets.", name=name)
        problems.append(
            Problem(where=f"[{name}]", key="", line=positions().line_of(name), what=what, instead=instead)
        )
        return []
    tables = ((index, _read(name, index, table, positions, problems)) for index, table in enumerate(raw))
    return [(index, table) for index, table in tables if table is not None]


def _overridden(raw: object, table: str, overrides: Overrides) -> object:
    """Return a table with the values that the environment sets; what is no table stays, and is refused as such."""
    return {**raw, **overrides.values.get(table, {})} if isinstance(raw, Mapping) else raw


def _read(
    name: str,
    index: int,
    raw: object,
    positions: _Places,
    problems: list[Problem],
    overrides: Overrides = NO_OVERRIDES,
) -> Any:
    """Read one table as its type; return None, and add its problems, when it has any."""
    kind = NOUN_TABLES.get(name) or OPTION_TABLES[name]
    if name in OPTION_TABLES and isinstance(raw, list):
        what = sentence("stands once in the file.")
        instead = sentence("Write [{name}] with one bracket.", name=name)
        line = positions().line_of(name)
        problems.append(Problem(where=_title(name, None), key="", line=line, what=what, instead=instead))
        return None
    known = [declared.name for declared in options_of(kind)]
    found: list[Problem] = []
    if isinstance(raw, dict):
        unknown = [key for key in raw if key not in known]
        found += [_unknown(name, index, raw, key, known, positions) for key in unknown]
        raw = {key: value for key, value in raw.items() if key in known}
    table, mistakes = convert_table(kind, raw)
    for mistake in mistakes:
        problem = _problem(name, index, raw, mistake, positions)
        if overrides.has(name, mistake.key):
            variable = variable_of(name, mistake.key)
            problem = replace(problem, where=ENVIRONMENT, key=variable, line=None)
        found.append(problem)
    problems += dict.fromkeys(found)  # one value with several faults (a union, a list) is reported once
    return None if found else table


def _unknown(
    name: str, index: int, raw: Mapping[str, Any], key: str, known: Sequence[str], positions: _Places
) -> Problem:
    where, line = _title(name, raw.get("name")), positions().line_of(name, index, key)
    what, instead = sentence("is not known."), suggestion(key, known)
    if not nearest(key, known) and (tables := _tables_with(key)):
        instead = sentence("It belongs into {tables}.", tables=tables)
    return Problem(where=where, key=key, line=line, what=what, instead=instead)


def _problem(name: str, index: int, raw: object, mistake: Mistake, positions: _Places) -> Problem:
    key = mistake.key
    where = _title(name, raw.get("name") if isinstance(raw, Mapping) else None)
    line = positions().line_of(name, index, key)
    if mistake.missing:
        example = {"to": '["you@example.org"]', "url": '"https://cn.nytimes.com/rss/"'}.get(key, '"…"')
        instead = sentence("Add {key} = {example}", key=key, example=example)
        return Problem(where=where, key=key, line=line, what=sentence("is missing."), instead=instead)
    if mistake.given is None or "password" in key or key == "heartbeat":
        return Problem(where=where, key=key, line=line, what=sentence("{what}.", what=mistake.what))
    what = sentence("{what}, not {given}.", what=mistake.what, given=_quoted(mistake.given, key))
    return Problem(where=where, key=key, line=line, what=what, instead=mistake.instead)


def _quoted(value: object, key: str) -> str:
    """Return a value as a message may show it."""
    if key not in _URLS:
        shown = in_quotes(value)
    else:
        without_user = re.sub(r"^[^/]*@", f"{MASK}@", value) if isinstance(value, str) else value
        shown = mask_line(repr(without_user))[0]
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _aliases(raw: object, positions: _Places, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """Read [aliases]: a name, and the words it stands for."""
    if not isinstance(raw, Mapping):
        problems.append(
            Problem(
                where="[aliases]",
                key="",
                line=positions().line_of("aliases"),
                what=sentence("a table of names is expected."),
                instead='英伟达 = ["英伟达", "NVIDIA"]',
            )
        )
        return {}
    good = {}
    for name, words in raw.items():
        if _is_list_of_words(words):
            good[name] = tuple(words)
            continue
        what = sentence('a list of words is expected, as in ["英伟达", "NVIDIA"].')
        problems.append(
            Problem(where="[aliases]", key=name, line=positions().line_of("aliases", 0, name), what=what)
        )
    return good


def _is_list_of_words(words: object) -> bool:
    return (
        isinstance(words, list)
        and bool(words)
        and all(isinstance(word, str) and word.strip() for word in words)
    )


def _title(table: str, name: object) -> str:
    if table in OPTION_TABLES:
        return f"[{table}]"
    return f'[[{table}]] "{name}"' if isinstance(name, str) else f"[[{table}]]"


def _used_twice(nouns: Mapping[str, list[tuple[int, Any]]], positions: _Places) -> Iterator[Problem]:
    """Report names and urls that more than one table has."""
    for table, indexed in nouns.items():
        for key in _NO_SECOND[table]:
            count = Counter(getattr(noun, key) for _, noun in indexed)
            for index, noun in indexed:
                if count[getattr(noun, key)] > 1:
                    value = in_quotes(getattr(noun, key))
                    what = sentence("{value} stands more than once; give each its own.", value=value)
                    line = positions().line_of(table, index, key)
                    yield Problem(where=_title(table, noun.name), key=key, line=line, what=what)


def _one_address_twice(
    table: str, index: int, addresses: Sequence[str], positions: _Places, title: str
) -> Iterator[Problem]:
    """Report spellings of an address that the list `to` has already: its mailbox would get each digest twice."""
    first: dict[str, int] = {}
    for number, address in enumerate(addresses):
        before = first.setdefault(parse_mailbox(address).key, number)
        if before == number:
            continue
        lines = _lines_of_items(table, index, "to", positions())
        line, other = (lines[number], lines[before]) if len(lines) == len(addresses) else (None, None)
        values = {"address": address, "before": addresses[before], "line": other}
        what = sentence('"{address}" is the same address as "{before}".', **values)
        if other:
            what = sentence('"{address}" is the same address as "{before}" in line {line}.', **values)
        yield Problem(where=title, key="to", line=line, what=what, instead=sentence("Take one of them out."))


def _lines_of_items(table: str, index: int, name: str, positions: Positions) -> list[int]:
    key = positions.key(table, index, name)
    return [positions.line_at(item.value.start) for item in positions.items(key.value)] if key else []


def _naming_nothing(
    raw: Mapping[str, Any], nouns: Mapping[str, list[tuple[int, Any]]], positions: _Places
) -> Iterator[Problem]:
    """Report names of feeds and rules that the file does not have."""
    for table, key, target in _NAMED:
        known = _written_names(raw.get(target, []))
        for index, noun in nouns[table]:
            for name in getattr(noun, key):
                if name not in known:
                    yield Problem(
                        where=_title(table, noun.name),
                        key=key,
                        line=positions().line_of(table, index, key),
                        what=sentence('there is no [[{table}]] named "{name}".', table=target, name=name),
                        instead=suggestion(name, known),
                    )


def _written_names(tables: object) -> list[str]:
    """Return the names of an array's tables, of broken ones too: each mistake is reported once."""
    if not isinstance(tables, list):
        return []
    return [str(table.get("name")) for table in tables if isinstance(table, dict)]
