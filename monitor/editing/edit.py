"""Add, remove and replace words in the lists of a config.toml; everything else in the text stays as it is."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.config.options import WORD_LISTS
from monitor.config.positions import Item, Positions, Span, Value, read_positions
from monitor.errors import MonitorError, suggestion
from monitor.rules.words import quoted

KeyPlace = tuple[str, int, str]  # table, index (of a rule) and key


def add_word(text: str, rule: str, word: str, word_list: str = "any") -> str:
    """Return the text of a config.toml with one word more in a list of a rule. Raises MonitorError.

    What is wrong with the word itself, the check of the whole file says.
    """
    index, table = _rule(text, rule)
    words = table.get(word_list, [])
    if not isinstance(words, list):
        raise MonitorError(f'"{word_list}" of rule "{rule}" is no list. Write {word_list} = [{quoted(word)}]')
    if word in words_of(words):
        raise MonitorError(f'"{word}" is in {word_list} of rule "{rule}" already')
    if word_list in table:
        return _with_last_item(_list_at(text, ("rules", index, word_list)), quoted(word))
    last = [key for key in ("name", *WORD_LISTS) if key in table][-1]
    return with_line(text, ("rules", index, last), f"{word_list} = [{quoted(word)}]")


def remove_word(text: str, rule: str, word: str) -> str:
    """Return the text with a word taken out of every list of a rule that has it. Raises MonitorError."""
    index, table = _rule(text, rule)
    words = {key: words_of(table.get(key, [])) for key in WORD_LISTS}
    keys = [key for key in WORD_LISTS if word in words[key]]
    if not keys:
        instead = suggestion(word, [known for key in WORD_LISTS for known in words[key]])
        raise MonitorError(f'"{word}" is in no list of rule "{rule}". {instead}'.rstrip())
    for key in keys:
        text = replace_word(text, ("rules", index, key), word, ())
    return text


def replace_word(text: str, place: KeyPlace, word: str, instead: Sequence[str]) -> str:
    """Return the text with other words, or none, instead of a word wherever it stands in a list.

    Of the other words those are left out that the list has already; they take over the weight of the word. Raises
    MonitorError when the word is not there.
    """
    if word not in _list_at(text, place).words:
        raise MonitorError(f'"{word}" is not in {place[2]}')
    while word in (array := _list_at(text, place)).words:
        at = array.words.index(word)
        written = [_written_like(array, at, other) for other in instead if other not in array.words]
        text = _with_items_instead(array, at, written) if written else _without_item(array, at)
    return text


def drop_repeat(text: str, place: KeyPlace, word: str) -> str:
    """Return the text with only the first of a word that stands in a list several times; "" when it does not."""
    changed = text
    while (array := _list_at(changed, place)).words.count(word) > 1:
        changed = _without_item(array, len(array.words) - 1 - array.words[::-1].index(word))
    return changed if changed != text else ""


def with_line(text: str, place: KeyPlace, line: str) -> str:
    """Return the text with a line more behind the value of a key, or, without that key, behind its table's head."""
    positions = read_positions(text)
    key, table = positions.key(*place), positions.table(*place[:2])
    if key is None and table is None:
        raise _not_in_place(place[0])
    start, end = (key.start, key.value.end) if key else (table.start, table.end) if table else (0, 0)
    line_end, newline = _line_end(text, end)
    return text[:line_end] + newline + _indent(text, start) + line + text[line_end:]


def words_of(values: Sequence[Any]) -> list[str]:
    """Return the words of a list as tomllib reads it; one with a weight is a table."""
    return [str(value.get("word")) if isinstance(value, Mapping) else str(value) for value in values]


def _rule(text: str, name: str) -> tuple[int, Mapping[str, Any]]:
    """Return a rule's index and its table."""
    rules = tomllib.loads(text).get("rules", [])
    for index, table in enumerate(rules):
        if table.get("name") == name:
            return index, table
    instead = suggestion(name, [str(table.get("name")) for table in rules])
    raise MonitorError(f'there is no rule "{name}". {instead}'.rstrip())


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list in a text, its items and their words."""

    positions: Positions
    value: Value
    items: Sequence[Item]
    words: Sequence[str]

    @property
    def text(self) -> str:
        """The whole text, not only the list."""
        return self.positions.text


def _list_at(text: str, place: KeyPlace) -> _List:
    positions = read_positions(text)
    key = positions.key(*place)
    if key is None and positions.table(*place[:2]) is None:
        raise _not_in_place(place[0])
    if key is None or len(key.names) > 1 or key.value.kind != "array":
        raise MonitorError(f"{place[2]} cannot be changed in place; write it into the file yourself")
    items, words = positions.items(key.value), words_of(positions.read(key.value))
    return _List(positions=positions, value=key.value, items=items, words=words)


def _not_in_place(table: str) -> MonitorError:
    return MonitorError(
        f"[{table}] is written in a way that cannot be changed in place; edit the file yourself"
    )


def _with_last_item(array: _List, written: str) -> str:
    text, start, end = array.text, array.value.start, array.value.end
    if array.items:
        return _with_items_behind(array, len(array.items) - 1, [written])
    if "\n" not in text[start:end]:
        return f"{text[:start]}[{written}]{text[end:]}"
    last_line, (_, newline) = text.rfind("\n", 0, end) + 1, _line_end(text, start)
    return f"{text[:last_line]}{_indent(text, end)}  {written},{newline}{text[last_line:]}"


def _with_items_instead(array: _List, at: int, written: Sequence[str]) -> str:
    """Return the text with one or more items instead of one."""
    value = array.items[at].value
    text = _with_items_behind(array, at, written[1:]) if len(written) > 1 else array.text
    return text[: value.start] + written[0] + text[value.end :]


def _with_items_behind(array: _List, at: int, written: Sequence[str]) -> str:
    """Return the text with more items behind one of a list.

    They get lines of their own where that item has its own, or a comment behind it: it stays beside its comment.
    """
    text, item, end = array.text, array.items[at], array.items[at].value.end
    comma = item.comma if not text[end : item.comma].strip(" \t") else None
    if (item.comment or _own_line(text, item)) and comma == item.comma:
        line_end, newline = _line_end(text, end)
        opened_here = "\n" not in text[array.value.start : item.value.start]
        indent = newline + _indent(text, item.value.start) + ("  " if opened_here else "")
        lines = indent + f",{indent}".join(written)
        if comma is None:
            return text[:end] + "," + text[end:line_end] + lines + text[line_end:]
        return text[:line_end] + lines + "," + text[line_end:]
    more = "".join(f", {each}" for each in written)
    if comma is not None and not text[comma + 1 : array.value.end - 1].strip(" \t"):
        end = comma + 1  # on one line no comma is needed behind the last
    return text[: item.value.end] + more + text[end:]


def _without_item(array: _List, at: int) -> str:
    """Return the text without an item, and without the comment behind it when it is alone on its line."""
    text, item = array.text, array.items[at]
    start, end = item.value.start, item.value.end
    if line := _own_line(text, item):
        return text[: line[0]] + text[line[1] :]
    if item.comma is not None:
        if text[end : item.comma].strip():  # a comment
            return text[:start] + text[end : item.comma] + text[item.comma + 1 :]
        rest = text[item.comma + 1 :].lstrip(" \t")
        if rest[:1] not in ("#", "\r", "\n", "]"):
            return text[:start] + rest
        return text[:start].rstrip(" \t") + text[item.comma + 1 :]
    comma = array.items[at - 1].comma if at else None
    if comma is not None and "\n" not in text[comma:start]:
        end_before = array.items[at - 1].value.end
        return text[: comma if text[end_before:comma].strip() else end_before] + text[end:]
    return text[:start].rstrip(" \t") + text[end:]


def _own_line(text: str, item: Item) -> Span | None:
    """Return the whole line of an item that is alone on it, but for its comma and a comment; else None."""
    start = text.rfind("\n", 0, item.value.start) + 1
    end = item.value.end if item.comma is None else item.comma + 1
    line_end, newline = _line_end(text, end)
    comment = item.comment[0] if item.comment else line_end
    around = text[start : item.value.start] + text[item.value.end : end].removesuffix(",") + text[end:comment]
    return None if around.strip(" \t") else (start, line_end + len(newline))


def _line_end(text: str, offset: int) -> tuple[int, str]:
    """Return where the line of an offset ends, and the newline there; in the last line, that of the first."""
    newline = text.find("\n", offset)
    if newline < 0:
        return len(text), "\r\n" if "\r\n" in text else "\n"
    return (newline - 1, "\r\n") if text.startswith("\r", newline - 1) else (newline, "\n")


def _indent(text: str, offset: int) -> str:
    """Return the spaces and tabs at the start of the line of an offset."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _written_like(array: _List, at: int, word: str) -> str:
    """Return a word as it would be written instead of an item: with the weight of that, when it has one."""
    text, value = array.text, array.items[at].value
    for item in array.positions.items(value):
        if item.key == ("word",):
            return text[value.start : item.value.start] + quoted(word) + text[item.value.end : value.end]
    return quoted(word)
