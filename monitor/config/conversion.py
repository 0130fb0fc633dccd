"""Convert a TOML table into an option table, each value by the type that its field declares; report every mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from monitor.config.options import WORD_LISTS, Rule, options_of
from monitor.config.values import Check, Reader, boolean, integer, number, split_weights, text

T = TypeVar("T")

_READERS = {str: text, bool: boolean, int: integer(), float: number()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with the value of a key; `key` is "" for the table as a whole."""

    key: str
    what: str
    given: object = None  # the value, where it is a single one; None otherwise
    missing: bool = False


def convert_table(kind: type[T], raw: object) -> tuple[T | None, list[Mistake]]:
    """Return an option table made of TOML values, or None and every mistake in them; unknown keys are ignored."""
    if not isinstance(raw, Mapping):
        return None, [Mistake(key="", what="expected a table")]
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
        return None, [Mistake(key="", what=str(error))]
    return table, []


def _convert(declared: Any, value: object, key: str, mistakes: list[Mistake]) -> Any:
    """Return the value as the declared type; add a mistake for each part of it that cannot be read."""
    origin, arguments = get_origin(declared), get_args(declared)
    try:
        if origin is Annotated:
            return _annotated(arguments, value, key, mistakes)
        if origin is tuple:
            return _list(arguments[0], value, key, mistakes)
        if origin is Literal:
            return _literal(arguments, value)
        if NoneType in arguments:  # TOML has no null: a key that is there has a value
            return _convert(arguments[0], value, key, mistakes)
        return _READERS[declared](value)
    except ValueError as error:
        given = None if isinstance(value, list | dict) else value
        mistakes.append(Mistake(key=key, what=str(error), given=given))
        return None


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
        raise ValueError("expected a list, in brackets")
    return tuple(_convert(declared, item, key, mistakes) for item in value)


def _literal(choices: Sequence[str], value: object) -> str:
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"expected {', '.join(others)} or {last}")
    return cast(str, value)
