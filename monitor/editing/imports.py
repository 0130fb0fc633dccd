"""Imported rules are written as they would stand in config.toml."""

import tomllib
from collections.abc import Sequence

import tomlkit
from tomlkit.items import AoT, Array

from monitor.editing.edit import with_line
from monitor.editing.sections import behind_rules
from monitor.editing.trendradar import Imported

_NOWHERE = "不要"  # the alias set of what no imported rule wants


def as_toml(imported: Imported) -> str:
    """The rules as a text to put at the end of a config.toml."""
    return with_rules("", imported).lstrip("\n")


def with_rules(text: str, imported: Imported) -> str:
    """The text of a config.toml with these rules behind its own; the names of the new ones differ from theirs."""
    known = tomllib.loads(text)
    nowhere = _free(_NOWHERE, list(known.get("aliases", {})))
    taken = [str(rule.get("name")) for rule in known.get("rules", [])]
    rules = AoT([])
    for rule in imported.rules:
        table = tomlkit.table()
        table["name"] = _free(rule.name, taken)
        taken.append(str(table["name"]))
        none = (*rule.none, *([f"@{nowhere}"] if imported.nowhere else []))
        for key, words in (("any", rule.any), ("all", rule.all), ("none", none), ("fields", rule.fields)):
            if words:
                table[key] = _list(words)
        if rule.max:
            table["max"] = rule.max
        rules.append(table)
    document = tomlkit.document()
    document["rules"] = rules
    if not imported.nowhere:
        return behind_rules(text, tomlkit.dumps(document))
    alias = tomlkit.dumps({nowhere: _list(imported.nowhere)})
    if "aliases" not in known:
        return behind_rules(text, f"[aliases]\n{alias}\n{tomlkit.dumps(document)}")
    last = next(reversed(known["aliases"]), "")
    text = with_line(text, ("aliases", 0, last), alias.rstrip("\n"))
    return behind_rules(text, tomlkit.dumps(document))


def _free(name: str, taken: Sequence[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _list(words: Sequence[str]) -> Array:
    array = tomlkit.array()
    array.extend(words)
    return array.multiline(sum(len(word) + 4 for word in words) > 80)
