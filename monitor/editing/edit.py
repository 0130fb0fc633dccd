"""A word is put into a rule of config.toml, or taken out; remarks and layout stay as they are."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import tomlkit
from tomlkit.items import Array

from monitor.config.positions import lines_of
from monitor.errors import MonitorError
from monitor.rules.words import quoted

PLACES = ("any", "all", "none", "hints", "ignore")


def add_word(text: str, rule: str, word: str, place: str = "any") -> str:
    """The text of a config.toml with one word more in a list of a rule. Raises MonitorError.

    What is wrong with the word itself, the check of the whole file says.
    """
    index, table = _rule(text, rule)
    words = table.get(place, [])
    if not isinstance(words, list):
        raise MonitorError(f'"{place}" of rule "{rule}" is no list. Write {place} = [{quoted(word)}]')
    if word in _words(words):
        raise MonitorError(f'"{word}" is in {place} of rule "{rule}" already')
    if place in table:
        return _changed(text, ("rules", index, place), lambda array: array.append(word))
    behind = [key for key in ("name", *PLACES) if key in table][-1]
    return with_line(text, ("rules", index, behind), f"{place} = [{quoted(word)}]")


def remove_word(text: str, rule: str, word: str) -> str:
    """The text with a word taken out of every list of a rule that has it. Raises MonitorError."""
    index, table = _rule(text, rule)
    places = [place for place in PLACES if word in _words(table.get(place, []))]
    if not places:
        raise MonitorError(f'"{word}" is in no list of rule "{rule}".{_close(word, _every_word(table))}')
    for place in places:
        text = replace_word(text, ("rules", index, place), word, ())
    return text


def replace_word(text: str, where: tuple[str, int, str], word: str, instead: Sequence[str]) -> str:
    """The text with other words, or none, in the place of one; `where` is table, index (of a rule) and key.

    Raises MonitorError when the word is not there.
    """

    def replace(array: Array) -> None:
        if word not in _words(array.unwrap()):
            raise MonitorError(f'"{word}" is not in {where[2]}')
        while word in (words := _words(array.unwrap())):
            at = words.index(word)
            fresh = [one for one in instead if one not in words]
            if fresh:
                array[at] = fresh[0]
                for number, one in enumerate(fresh[1:], start=1):
                    array.insert(at + number, one)
            else:
                _take_out(array, at)

    return _changed(text, where, replace)


def drop_repeat(text: str, where: tuple[str, int, str], word: str) -> str:
    """The text without the later ones of a word that stands in a list more than once; "" when it does not."""

    def drop(array: Array) -> None:
        places = [place for place, one in enumerate(_words(array.unwrap())) if one == word]
        for place in reversed(places[1:]):
            _take_out(array, place)

    changed = _changed(text, where, drop)
    return changed if changed != text else ""


def with_line(text: str, behind: tuple[str, int, str], line: str) -> str:
    """The text with a line more behind the value of a key, or behind the head of its table."""
    lines = text.split("\n")
    start, end = _span(text, behind)
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    carriage = "\r" if lines[end - 1].endswith("\r") else ""
    return "\n".join([*lines[:end], indent + line + carriage, *lines[end:]])


def _changed(text: str, where: tuple[str, int, str], edit: Callable[[Array], object]) -> str:
    """The text with one list edited. tomlkit sees that list alone: of a whole file it moves tables about."""
    lines = text.split("\n")
    start, end = _span(text, where)
    document = tomlkit.parse("\n".join(lines[start:end]) + "\n")
    array = next(iter(document.values()), None)
    if not isinstance(array, Array):
        raise MonitorError(f"{where[2]} cannot be changed in place; write it into the file yourself")
    edit(array)
    return "\n".join([*lines[:start], *tomlkit.dumps(document)[:-1].split("\n"), *lines[end:]])


def _span(text: str, where: tuple[str, int, str]) -> tuple[int, int]:
    """The lines [start, end) of a key and its value, or of the head of its table."""
    lines = text.split("\n")
    start = lines_of(text).find(*where)
    if start is None:
        raise MonitorError(
            f"[{where[0]}] is written in a way that cannot be changed in place; edit the file yourself"
        )
    end = start
    while end < len(lines) and not _whole("\n".join(lines[start - 1 : end])):
        end += 1
    return start - 1, end


def _rule(text: str, name: str) -> tuple[int, Mapping[str, Any]]:
    rules = tomllib.loads(text).get("rules", [])
    for index, table in enumerate(rules):
        if table.get("name") == name:
            return index, table
    raise MonitorError(
        f'there is no rule "{name}".{_close(name, [str(table.get("name")) for table in rules])}'
    )


def _close(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f' Did you mean "{close[0]}"?'
    return f" There are: {', '.join(known)}." if known else ""


def _words(values: Sequence[Any]) -> list[str]:
    """The words of a list; one with a weight is a table."""
    return [str(value.get("word")) if isinstance(value, Mapping) else str(value) for value in values]


def _every_word(table: Mapping[str, Any]) -> list[str]:
    return [word for place in PLACES for word in _words(table.get(place, []))]


def _whole(value: str) -> bool:
    try:
        tomllib.loads(value + "\n")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _take_out(array: Array, at: int) -> None:
    """Without the remark of the line, when the word is alone on it; else the remark stays."""
    if at and _ends_a_line_of_several(array, at):
        # tomlkit ties a remark to the last word before it, so the word before takes that place.
        array[at] = array[at - 1]
        at -= 1
    del array[at]


def _ends_a_line_of_several(array: Array, at: int) -> bool:
    """Does a remark follow this word on its line, and another word stand before it there?"""
    seen = 0
    for line in array.as_string().split("\n"):
        code, _, remark = _split_remark(line)
        inside = len(tomllib.loads(f"x = [{code.strip().removeprefix('[').removesuffix(']')}]")["x"])
        if seen + inside > at:
            return bool(remark) and inside > 1 and at == seen + inside - 1
        seen += inside
    return False


def _split_remark(line: str) -> tuple[str, str, str]:
    quote = ""
    for place, sign in enumerate(line):
        if quote:
            escaped = quote == '"' and (len(line[:place]) - len(line[:place].rstrip("\\"))) % 2
            quote = quote if sign != quote or escaped else ""
        elif sign in "\"'":
            quote = sign
        elif sign == "#":
            return line[:place], "#", line[place + 1 :] or " "
    return line, "", ""
