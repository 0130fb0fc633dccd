"""Edit the values, lists and tables of a config.toml, and show, check and write the change of the file.

An edit leaves everything else in the text as it is.
"""

import contextlib
import fcntl
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from monitor.config.options import WORD_LISTS
from monitor.config.positions import Item, Key, Positions, Span, Value, blocks_of, read_positions
from monitor.config.reading import as_text, read_file
from monitor.errors import ConfigError, MonitorError, suggestion, with_advice
from monitor.loaded import check_bytes, load
from monitor.masking import mask
from monitor.reasons import reason_of
from monitor.rules.words import quoted
from monitor.texts import sentence

KeyPlace = tuple[str, int, str]  # table, index (of a rule) and key


def add_word(text: str, rule: str, word: str, word_list: str = "any") -> str:
    """Return the text of a config.toml with one word more in a list of a rule. Raises MonitorError.

    What is wrong with the word itself, the check of the whole file says.
    """
    index, table = _rule(text, rule)
    words = table.get(word_list, [])
    if not isinstance(words, list):
        values = {"list": word_list, "rule": rule, "word": quoted(word)}
        raise MonitorError(
            sentence('"{list}" of rule "{rule}" is no list. Write {list} = [{word}]', **values)
        )
    if word in words_of(words):
        values = {"list": word_list, "rule": rule, "word": word}
        raise MonitorError(sentence('"{word}" is in {list} of rule "{rule}" already', **values))
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
        what = sentence('"{word}" is in no list of rule "{rule}".', word=word, rule=rule)
        raise MonitorError(with_advice(what, instead))
    for key in keys:
        text = replace_word(text, ("rules", index, key), word, ())
    return text


def replace_word(text: str, place: KeyPlace, word: str, instead: Sequence[str]) -> str:
    """Return the text with other words, or none, instead of a word wherever it stands in a list.

    Of the other words those are left out that the list has already; they take over the weight of the word. Raises
    MonitorError when the word is not there.
    """
    array = _list_at(text, place)
    if word not in array.words:
        raise MonitorError(sentence('"{word}" is not in {list}', word=word, list=place[2]))
    while word in array.words:
        at = array.words.index(word)
        written = [_written_like(array, at, other) for other in instead if other not in array.words]
        changed = _with_items_instead(array, at, written) if written else _without_item(array, at)
        array = _list_at(changed, place)
    return array.text


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
    return text[:line_end] + newline + _indent(text, start) + line.replace("\n", newline) + text[line_end:]


def with_value(text: str, place: KeyPlace, written: str, *, behind: str) -> str:
    """Return the text with a value, as TOML, instead of that of a key; without the key, in a line behind another one.

    Raises MonitorError where it cannot be changed in place.
    """
    key = read_positions(text).key(*place)
    if key is None:
        return with_line(text, (*place[:2], behind), f"{place[2]} = {written}")
    if len(key.names) > 1:
        raise _not_in_place(place[0])
    return text[: key.value.start] + written + _in_column(text, key, len(written))


def _in_column(text: str, key: Key, width: int) -> str:
    """Return what stands behind a value whose width has changed, its comment in the same column where there is room."""
    end = key.value.end
    if key.comment is None or "\n" in text[key.value.start : end]:
        return text[end:]
    start = key.comment[0]
    return " " * max(2, start - key.value.start - width) + text[start:]


def without_table(text: str, name: str, index: int) -> str:
    """Return the text without a table of an array, and without the comment right above its head.

    A comment that an empty line parts from the table stays. Raises MonitorError where it cannot be taken out in place.
    """
    blocks, count = list(blocks_of(text)), -1
    taken: list[int] = []
    for place, block in enumerate(blocks):
        if block.table == name:
            count += (
                read_positions(block.text).tables[-1].name == name
            )  # else a part of the one before: [feeds.headers]
            taken += [place] * (count == index)
    if not taken:
        raise _not_in_place(name)
    first, end = taken[0], taken[-1] + 1
    before, after = ("".join(block.text for block in part) for part in (blocks[:first], blocks[end:]))
    table = "".join(block.text for block in blocks[first:end])
    return before + _comments_before(table) + _comments_behind(table) + after


def _comments_before(table: str) -> str:
    """Return the lines before the head of a table that stay when it goes; the empty line behind them goes too."""
    lines = table[: read_positions(table).tables[1].start].splitlines(keepends=True)
    while lines and lines[-1].strip():
        lines.pop()
    return "".join(lines[:-1])


def _comments_behind(table: str) -> str:
    """Return the comments at the end of the text, behind a table and an empty line, which stay when it goes."""
    last = read_positions(table).keys[-1].value.end
    lines = table[_line_end(table, last)[0] :].splitlines(keepends=True)[1:]
    while lines and lines[0].strip():
        lines.pop(0)
    return "".join(lines) if "".join(lines).strip() else ""


def behind_tables(text: str, name: str, tables: str) -> str:
    """Return the text with more tables behind those of a name; at the end when it has none of them."""
    blocks = list(blocks_of(text))
    last = max((place for place, block in enumerate(blocks) if block.table == name), default=len(blocks) - 1)
    before = line_ended("".join(block.text for block in blocks[: last + 1]))
    more = tables.replace("\n", _newline(text))
    return before + gap_behind(before) + more + "".join(block.text for block in blocks[last + 1 :])


def line_ended(text: str) -> str:
    """Return the text with a newline at its end, if it is not empty."""
    return text if not text or text.endswith("\n") else text + _newline(text)


def gap_behind(text: str) -> str:
    """Return the newline that makes an empty line behind a text; "" where there is one, or nothing before."""
    return "" if not text.strip() or text.endswith(("\n\n", "\n\r\n")) else _newline(text)


def words_of(values: Sequence[object]) -> list[str]:
    """Return the words of a list as tomllib reads it; one with a weight is a table."""
    return [str(value.get("word")) if isinstance(value, Mapping) else str(value) for value in values]


def _rule(text: str, name: str) -> tuple[int, Mapping[str, Any]]:
    """Return a rule's index and its table."""
    rules = tomllib.loads(text).get("rules", [])
    for index, table in enumerate(rules):
        if table.get("name") == name:
            return index, table
    raise no_rule(name, [str(table.get("name")) for table in rules])


def no_rule(name: str, known: Sequence[str]) -> MonitorError:
    """Return the error for a rule that is not in the file, with what may have been meant."""
    what = sentence('there is no rule "{name}".', name=name)
    return MonitorError(with_advice(what, suggestion(name, known)))


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
        raise MonitorError(
            sentence("{key} cannot be changed in place; write it into the file yourself", key=place[2])
        )
    items, words = positions.items(key.value), words_of(positions.read(key.value))
    return _List(positions=positions, value=key.value, items=items, words=words)


def _not_in_place(table: str) -> MonitorError:
    return MonitorError(
        sentence(
            "[{table}] is written in a way that cannot be changed in place; edit the file yourself",
            table=table,
        )
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


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_end(text: str, offset: int) -> tuple[int, str]:
    """Return where the line of an offset ends, and the newline there; in the last line, that of other lines."""
    newline = text.find("\n", offset)
    if newline < 0:
        return len(text), _newline(text)
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


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # stays where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a file holds, and what it would hold."""

    path: Path
    before: bytes
    after: bytes

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines that differ, secrets masked, in the manner of diff -u; empty when nothing does."""
        old, new = (_lines(raw) for raw in (self.before, self.after))
        name = self.path.name
        return tuple(map(mask, unified_diff(old, new, name, name, lineterm="")))


class ChangeRefusedError(ConfigError):
    """The change would make a file that cannot be worked by; nothing was written."""

    def __init__(self, error: ConfigError) -> None:
        super().__init__(error.path, error.problems)
        self.text = sentence(
            "{problems}\nNothing was changed: this is what would be wrong with the file after the change.",
            problems=error.text,
        )
        self.args = (self.text,)


def read_valid_text(path: Path) -> str:
    """Return the text of a file that is to be changed. Raises ConfigError, also when it has problems already."""
    return load(path).text


def plan_change(path: Path, before: str, after: str) -> Change:
    """Return the change from one text of a file to another.

    Raises ChangeRefusedError when the new text has problems, MonitorError when the file has another text by now.
    """
    raw = read_file(path)
    if as_text(raw, path) != before:
        raise _changed_meanwhile(path)
    mark = _BYTE_ORDER_MARK if raw.startswith(_BYTE_ORDER_MARK) else b""
    change = Change(path=path, before=raw, after=mark + after.encode())
    try:
        check_bytes(path, change.after)
    except ConfigError as error:
        raise ChangeRefusedError(error) from None
    return change


def refuse_link_to_nothing(path: Path) -> None:
    """Raise MonitorError for a link whose target is not there: a file can be made neither beside nor behind it."""
    if path.is_symlink() and not path.exists():
        values = {"path": str(path), "target": str(path.readlink())}
        raise MonitorError(
            sentence(
                "{path} is a link to {target}, which is not there. Nothing was written. Remove the link, or "
                "bring back what it leads to",
                **values,
            )
        )


def create(path: Path, content: bytes) -> None:
    """Write a file that is not there yet: whole, or not at all. Raises MonitorError when it is there, or cannot be."""
    path = path.absolute()
    try:
        with _temporary_file_beside(path) as (file, name):
            _write_whole(file, content)
            os.fchmod(file, 0o666 & ~_umask())
            _link(name, path)
    except FileExistsError:
        raise _changed_meanwhile(path) from None
    except OSError as error:
        raise MonitorError(
            sentence(
                "{path} cannot be written: {reason}. Nothing was changed", path=path, reason=reason_of(error)
            )
        ) from error


def _link(name: str, path: Path) -> None:
    """Give a file another name, which is not taken. Raises OSError."""
    try:
        os.link(name, path)
    except PermissionError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        Path(name).rename(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_change(change: Change) -> None:
    """Put the new content in the file's place: whole, with the owner and mode it had, also behind a link.

    Raises MonitorError when it cannot be written, or when somebody else has changed the file since.
    """
    path = change.path.resolve()
    with _only_editor_in(path.parent):
        if read_file(path) != change.before:
            raise _changed_meanwhile(path)
        try:
            _replace(path, change.after)
        except OSError as error:
            why = {"path": str(path), "why": reason_of(error)}
            raise MonitorError(
                sentence("{path} cannot be written: {why}. Nothing was changed", **why)
            ) from error


@contextlib.contextmanager
def _only_editor_in(folder: Path) -> Iterator[None]:
    """Keep other commands from writing files of a folder meanwhile; on a file system without locks, nobody is kept."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # one that may be entered, but not listed
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)  # with its lock


def _replace(path: Path, content: bytes) -> None:
    """Put a content in the place of a file, with its owner and mode. Raises OSError."""
    with _temporary_file_beside(path) as (file, name):
        _write_whole(file, content)
        replaced = path.stat()
        os.fchmod(file, replaced.st_mode & 0o7777)
        if (replaced.st_uid, replaced.st_gid) != (os.geteuid(), os.getegid()):
            with contextlib.suppress(PermissionError):  # only root may give a file away
                os.fchown(file, replaced.st_uid, replaced.st_gid)
        Path(name).replace(path)


def put_whole(path: Path, content: bytes) -> None:
    """Put a content in the place of a file, or where there is none, for its owner alone to read: whole, or not at all.

    A link is replaced, not what it leads to. Raises OSError.
    """
    with _temporary_file_beside(path) as (file, name):  # mode 0600
        _write_whole(file, content)
        Path(name).replace(path)


def _write_whole(file: int, content: bytes) -> None:
    """Write all of a content into an open file, to the disk. Raises OSError when there is no room for it."""
    while content:  # a disk that is nearly full takes the first part, and reports no error
        content = content[os.write(file, content) :]
    os.fsync(file)


def _changed_meanwhile(path: Path) -> MonitorError:
    return MonitorError(
        sentence(
            "{path} was changed by somebody else just now. Nothing was written; try again", path=str(path)
        )
    )


@contextlib.contextmanager
def _temporary_file_beside(path: Path) -> Iterator[tuple[int, str]]:
    """Open a new file in the same directory; at the end it is removed, unless it was renamed."""
    file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield file, name
    finally:
        os.close(file)
        Path(name).unlink(missing_ok=True)


def _lines(raw: bytes) -> list[str]:
    return raw.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace").splitlines()
