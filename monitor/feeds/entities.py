"""Replace the named entities of a document: HTML's, and those its own DOCTYPE defines (XML 1.0 section 4.2)."""

import re
from collections.abc import Callable, Mapping
from html.entities import html5

# Comments and instructions may stand before it; possessive, so that no document makes it try twice.
_DOCTYPE = re.compile(
    r"(?:[^<]++|<!--(?:(?!-->).)*+-->|<\?(?:(?!\?>).)*+\?>)*+(?P<doctype><!DOCTYPE\b)",
    re.IGNORECASE | re.DOTALL,
)
_DOCTYPE_PARTS = re.compile(r"<!--.*?-->|<\?.*?\?>|\"[^\"]*\"|'[^']*'|[\[\]>]", re.DOTALL)
_LONGEST_DOCTYPE = 100_000  # characters
# Of general entities, which stand for text; never of external ones (SYSTEM, PUBLIC), which nobody fetches.
_DEFINITION = re.compile(r"<!ENTITY\s+([\w.:-]{1,100})\s+(?:\"([^\"]*)\"|'([^']*)')\s*>")
_REFERENCE = re.compile(r"&([\w.:-]{1,100});")
_NAME = re.compile(
    r"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)(?:([a-zA-Z][\w.:-]{0,99});)?"
)
_XML_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))

_DEEPEST = 20  # entities within each other
_LONGEST_EXPANSION = 10_000  # characters of one entity
_MOST_EXPANDED = 1_000_000  # of all references together


def split_doctype(text: str) -> tuple[str, dict[str, str]]:
    """Return the document without its DOCTYPE, and what the entities defined there stand for.

    One that refers to itself, or whose text grows too long (a billion laughs), is left out.
    """
    found = _DOCTYPE.match(text)
    end = _end_of_doctype(text, found.end()) if found else None
    if found is None or end is None:
        return text, {}
    start = found.start("doctype")
    defined: dict[str, str] = {}
    for name, double_quoted, single_quoted in _DEFINITION.findall(text[start:end]):
        defined.setdefault(name, double_quoted or single_quoted)  # the first one binds: XML 1.0 section 4.2
    expanded: dict[str, str | None] = {}
    for name in defined:
        _expand(name, defined, expanded, 0)
    mended = replacer({})
    entities = {
        name: mended(value)
        for name, value in expanded.items()
        if value is not None and name not in _XML_NAMES
    }
    return text[:start] + text[end:], entities


def replacer(entities: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces the entities in a part of a document, and escapes each & that begins none."""
    left = _MOST_EXPANDED

    def replaced(found: re.Match[str]) -> str:
        nonlocal left
        name = found[1]
        if name in entities:
            left -= len(entities[name])
            return entities[name] if left >= 0 else ""
        if name and (character := html5.get(f"{name};")):
            return character.replace("&", "&amp;").replace("<", "&lt;")
        return "&amp;" + found[0][1:]

    return lambda part: _NAME.sub(replaced, part) if "&" in part else part


def _end_of_doctype(text: str, start: int) -> int | None:
    depth = 0
    for part in _DOCTYPE_PARTS.finditer(text, start, start + _LONGEST_DOCTYPE):
        if part[0] == "[":
            depth += 1
        elif part[0] == "]":
            depth -= 1
        elif part[0] == ">" and depth <= 0:
            return part.end()
    return None


def _expand(name: str, defined: Mapping[str, str], expanded: dict[str, str | None], depth: int) -> str | None:
    """Return what an entity stands for, the entities in it expanded, and note it; None for one that has no end."""
    if name in expanded or depth > _DEEPEST:
        return expanded.get(name)
    expanded[name] = None  # while it is expanded: where it is met again, it has no end
    parts, at, length = [], 0, 0
    value = defined[name]
    for reference in _REFERENCE.finditer(value):
        if reference[1] not in defined:
            continue
        inner = _expand(reference[1], defined, expanded, depth + 1)
        if inner is None:
            return None
        parts += [value[at : reference.start()], inner]
        length += len(inner)
        at = reference.end()
        if length > _LONGEST_EXPANSION:
            return None
    expansion = "".join([*parts, value[at:]])
    if len(expansion) <= _LONGEST_EXPANSION:
        expanded[name] = expansion
    return expanded[name]
