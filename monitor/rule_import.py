"""Imported rules are written as they would stand in config.toml."""

import tomllib
from collections.abc import Sequence

import tomlkit
from tomlkit.items import AoT, Array, Table

from monitor.rules.trendradar import Imported

_NOWHERE = "不要"  # the alias set of what no imported rule wants


def as_toml(imported: Imported) -> str:
    """The rules as a text to put at the end of a config.toml."""
    return with_rules("", imported).lstrip("\n")


def with_rules(text: str, imported: Imported) -> str:
    """The text of a config.toml with these rules behind its own; the names of the new ones differ from theirs."""
    document = tomlkit.parse(text)
    known = tomllib.loads(text)
    nowhere = _free(_NOWHERE, list(known.get("aliases", {})))
    taken = [str(rule.get("name")) for rule in known.get("rules", [])]
    made: list[Table] = []
    for rule in imported.rules:
        table = tomlkit.table()
        name = _free(rule.name, taken)
        taken.append(name)
        table["name"] = name
        none = (*rule.none, *([f"@{nowhere}"] if imported.nowhere else []))
        for key, words in (("any", rule.any), ("all", rule.all), ("none", none), ("fields", rule.fields)):
            if words:
                table[key] = _list(words)
        if rule.max:
            table["max"] = rule.max
        made.append(table)
    return _put(text, document, known, made, (nowhere, imported.nowhere))


def _put(
    text: str,
    document: tomlkit.TOMLDocument,
    known: dict[str, object],
    made: Sequence[Table],
    nowhere: tuple[str, Sequence[str]],
) -> str:
    behind = tomlkit.document()
    if nowhere[1]:
        if "aliases" in known:
            document["aliases"][nowhere[0]] = _list(nowhere[1])
            text = tomlkit.dumps(document)
        else:
            behind["aliases"] = {nowhere[0]: _list(nowhere[1])}
    rules = AoT([])
    for table in made:
        rules.append(table)
    behind["rules"] = rules
    gap = "\n" if text.endswith("\n") or not text else "\n\n"
    return text + gap + tomlkit.dumps(behind)


def _free(name: str, taken: Sequence[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _list(words: Sequence[str]) -> Array:
    array = tomlkit.array()
    array.extend(words)
    return array.multiline(sum(len(word) + 4 for word in words) > 80)
