"""A word is put into a rule of config.toml, or taken out; remarks and layout stay as they are."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import tomlkit
from tomlkit.items import Array

from monitor.errors import MonitorError
from monitor.toml_lines import lines_of

PLACES = ("any", "all", "none", "hints", "ignore")


def add_word(text: str, rule: str, word: str, place: str = "any") -> str:
    """The text of a config.toml with one word more in a list of a rule. Raises MonitorError.

    What is wrong with the word itself, the check of the whole file says.
    """
    index, table = _rule(text, rule)
    if word in _words(table.get(place, [])):
        raise MonitorError(f'"{word}" is in {place} of rule "{rule}" already')
    if not isinstance(table.get(place, []), list):
        raise MonitorError(f'"{place}" of rule "{rule}" is no list. Write {place} = ["{word}"]')
    if place not in table:
        return _with_key(text, index, table, f"{place} = [{_quoted(word)}]")
    document = tomlkit.parse(text)
    _array(document, index, place).append(word)
    return _as_meant(document, text, index, place, [*table[place], word])


def remove_word(text: str, rule: str, word: str) -> str:
    """The text with a word taken out of every list of a rule that has it. Raises MonitorError."""
    index, table = _rule(text, rule)
    places = [place for place in PLACES if word in _words(table.get(place, []))]
    if not places:
        raise MonitorError(f'"{word}" is in no list of rule "{rule}".{_close(word, _every_word(table))}')
    for place in places:
        kept = [one for one in table[place] if _words([one]) != [word]]
        text = replace_word(text, ("rules", index, place), word, ()) if kept else _emptied(text, index, place)
    return text


def replace_word(text: str, where: tuple[str, int, str], word: str, instead: Sequence[str]) -> str:
    """The text with other words, or none, in the place of one; `where` is table, index (of a rule) and key.

    Raises MonitorError when the word is not there.
    """
    document = tomlkit.parse(text)
    array = _array(document, where[1], where[2], where[0])
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
    return tomlkit.dumps(document)


def drop_repeat(text: str, where: tuple[str, int, str], word: str) -> str:
    """The text without the later ones of a word that stands in a list more than once; "" when it does not."""
    document = tomlkit.parse(text)
    array = _array(document, where[1], where[2], where[0])
    places = [place for place, one in enumerate(_words(array.unwrap())) if one == word]
    for place in reversed(places[1:]):
        _take_out(array, place)
    return tomlkit.dumps(document) if len(places) > 1 else ""


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


def _array(document: tomlkit.TOMLDocument, index: int, key: str, table: str = "rules") -> Array:
    holder: Any = document[table]
    array = holder[index][key] if table == "rules" else holder[key]
    if not isinstance(array, Array):
        raise MonitorError(f'"{key}" is no list')
    return array


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")


def _with_key(text: str, index: int, table: Mapping[str, Any], line: str) -> str:
    """The text with a new key behind the last list the rule has. tomlkit would put it behind the next table's remarks."""
    lines = text.split("\n")
    behind = [key for key in ("name", *PLACES) if key in table][-1]
    start = lines_of(text).find("rules", index, behind)
    assert start is not None  # the rule was found by its name
    end = start
    while not _whole("\n".join(lines[start - 1 : end])):
        end += 1
    indent = lines[start - 1][: len(lines[start - 1]) - len(lines[start - 1].lstrip())]
    carriage = "\r" if lines[end - 1].endswith("\r") else ""
    return "\n".join([*lines[:end], indent + line + carriage, *lines[end:]])


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


def _emptied(text: str, index: int, place: str) -> str:
    document = tomlkit.parse(text)
    array = _array(document, index, place)
    while len(array):
        del array[len(array) - 1]
    return tomlkit.dumps(document)


def _as_meant(document: tomlkit.TOMLDocument, text: str, index: int, place: str, words: Sequence[Any]) -> str:
    """The document as text, when it says what was meant and nothing else has changed."""
    changed = tomlkit.dumps(document)
    meant = tomllib.loads(text)
    meant["rules"][index][place] = list(words)
    if tomllib.loads(changed) != meant:
        raise MonitorError(f"{place} cannot be changed in place; write the word into the file yourself")
    return changed
