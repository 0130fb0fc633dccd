"""Convert a TOML table into an option table, each value by the type that its field declares; report every mistake."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from monitor.config.meant import likely
from monitor.config.options import WORD_LISTS, Rule, options_of
from monitor.config.values import Check, Reader, boolean, integer, number, split_weights, text
from monitor.errors import nearest
from monitor.texts import in_quotes, listed, said, sentence

T = TypeVar("T")

_READERS = {str: text, bool: boolean, int: integer(), float: number()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with the value of a key; `key` is "" for the table as a whole."""

    key: str
    what: str
    given: object = None  # the value, where it is a single one; None otherwise
    missing: bool = False
    instead: str = ""  # what is likely meant; "" when nothing is


def convert_table(kind: type[T], raw: object) -> tuple[T | None, list[Mistake]]:
    """Return an option table made of TOML values, or None and every mistake in them; unknown keys are ignored."""
    if not isinstance(raw, Mapping):
        return None, [Mistake(key="", what=sentence("expected a table"))]
    values: dict[str, Any] = dict(split_weights(raw, WORD_LISTS) if kind is Rule else raw)
    mistakes: list[Mistake] = []
    converted: dict[str, Any] = {"weights": values["weights"]} if kind is Rule else {}
    for option in options_of(kind):
        if option.name in values:
            converted[option.name] = _convert(option.type, values[option.name], option.name, mistakes)
        elif option.default is MISSING:
            mistakes.append(Mistake(key=option.name, what="is missing", missing=True))
    if mistakes:
        return None, mistakes
    table = kind(**converted)
    try:
        if check := getattr(table, "check", None):
            check()
    except ValueError as error:
        return None, [Mistake(key="", what=said(error))]
    return table, []


def _convert(declared: Any, value: object, key: str, mistakes: list[Mistake]) -> Any:
    """Return the value as the declared type; add a mistake for each part of it that cannot be read."""
    try:
        return _read(declared, value, key, mistakes)
    except ValueError as error:
        given = None if isinstance(value, list | dict) else value
        instead = _meant(declared, value, key)
        mistakes.append(Mistake(key=key, what=said(error), given=given, instead=instead))
        return None


def _read(declared: Any, value: object, key: str, mistakes: list[Mistake]) -> Any:
    """Return the value as the declared type. Raises ValueError when the whole of it cannot be read."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return _annotated(arguments, value, key, mistakes)
    if origin is tuple:
        return _list(arguments[0], value, key, mistakes)
    if origin is Literal:
        return _literal(arguments, value)
    if NoneType in arguments:  # TOML has no null: a key that is there has a value
        return _read(arguments[0], value, key, mistakes)
    return _READERS[declared](value)


def _meant(declared: Any, value: object, key: str) -> str:
    """Return what is likely meant by a value that cannot be read, "" when no guess is one that can."""
    if _is_list(declared):
        return _in_brackets(declared, value, key)
    choices = get_args(declared) if get_origin(declared) is Literal else ()
    guesses = [*likely(value), nearest(value, choices) if isinstance(value, str) else ""]
    meant = next((guess for guess in guesses if guess not in ("", value) and _is_read(declared, guess)), "")
    return sentence('Did you mean "{name}"?', name=meant) if meant else ""


def _is_list(declared: Any) -> bool:
    if get_origin(declared) is Annotated:
        return not any(isinstance(item, Reader) for item in get_args(declared)) and _is_list(
            get_args(declared)[0]
        )
    return get_origin(declared) is tuple


def _in_brackets(declared: Any, value: object, key: str) -> str:
    """Return the line with the brackets of a list around a single value; each of several that commas part."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    parts = [part for part in re.split(r"[,;，；、\s]+", value) if part] if isinstance(value, str) else []
    lists: list[list[Any]] = [[value], parts, *([guess] for guess in likely(value) if guess)]
    items = next((items for items in lists if items and _is_read(declared, items)), [value])
    line = f"{key} = {json.dumps(items, ensure_ascii=False)}"
    return sentence("Write {line}", line=line)


def _is_read(declared: Any, value: object) -> bool:
    mistakes: list[Mistake] = []
    try:
        _read(declared, value, "", mistakes)
    except ValueError:
        return False
    return not mistakes


def _annotated(arguments: Sequence[Any], value: object, key: str, mistakes: list[Mistake]) -> Any:
    declared, *metadata = arguments
    readers = [item for item in metadata if isinstance(item, Reader)]
    before = len(mistakes)
    converted = readers[0].read(value) if readers else _convert(declared, value, key, mistakes)
    for item in metadata:
        if isinstance(item, Check) and len(mistakes) == before:
            converted = item.check(converted)
    return converted


def _list(declared: Any, value: object, key: str, mistakes: list[Mistake]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(sentence("expected a list, in brackets"))
    return tuple(_convert(declared, item, key, mistakes) for item in value)


def _literal(choices: Sequence[str], value: object) -> str:
    if value not in choices:
        *others, last = map(in_quotes, choices)
        raise ValueError(sentence("expected {others} or {last}", others=listed(others), last=last))
    return cast(str, value)
