"""Write imported rules as they would stand in config.toml, and put them into its text."""

import tomllib
from collections.abc import Iterator, Sequence

from monitor.config.options import Rule
from monitor.editing.edit import behind_tables, with_line
from monitor.editing.trendradar import ImportedRules, free_name
from monitor.rules.words import quoted

_EXCLUDED = "不要"  # the alias set of the words that are kept out of every imported rule
_LONGEST = 80  # characters of a list on one line


def as_toml(imported: ImportedRules) -> str:
    """Return the rules as a text to put at the end of a config.toml."""
    return with_rules("", imported).lstrip("\n")


def with_rules(text: str, imported: ImportedRules) -> str:
    """Return the text of a config.toml with these rules behind its own, under names that its own do not have."""
    config = tomllib.loads(text)
    aliases = config.get("aliases", {})
    alias = free_name(_EXCLUDED, aliases)
    names = {str(rule.get("name")) for rule in config.get("rules", [])}
    tables = []
    for rule in imported.rules:
        name = free_name(rule.name, names)
        names.add(name)
        none = [*rule.none, f"@{alias}"] if imported.excluded else rule.none
        tables.append("\n".join(_table(name, rule, none)) + "\n")
    rules = "\n".join(tables)
    if not imported.excluded:
        return behind_tables(text, "rules", rules)
    line = f"{quoted(alias)} = {_list(imported.excluded)}"
    if "aliases" not in config:
        return behind_tables(text, "rules", f"[aliases]\n{line}\n\n{rules}")
    return behind_tables(with_line(text, ("aliases", 0, next(reversed(aliases), "")), line), "rules", rules)


def _table(name: str, rule: Rule, none: Sequence[str]) -> Iterator[str]:
    yield "[[rules]]"
    yield f"name = {quoted(name)}"
    for key, words in (("any", rule.any), ("all", rule.all), ("none", none), ("fields", rule.fields)):
        if words:
            yield f"{key} = {_list(words)}"
    if rule.max:
        yield f"max = {rule.max}"


def _list(words: Sequence[str]) -> str:
    if sum(len(word) + 4 for word in words) <= _LONGEST:
        return f"[{', '.join(map(quoted, words))}]"
    return "[\n" + "".join(f"    {quoted(word)},\n" for word in words) + "]"
