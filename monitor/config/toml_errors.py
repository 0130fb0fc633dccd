"""Say what a person did who wrote a line that is not TOML, with the line as it is meant.

A cure is a guess at one slip: it gives the sentence that names it, and the line without it. The first cure that makes
TOML of the line is told; where none does, what tomllib says.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Annotated, NamedTuple, get_args, get_origin

from monitor.config.options import NOUN_TABLES, OPTION_TABLES
from monitor.config.positions import caret, read_positions
from monitor.masking import mask_line
from monitor.texts import Text, joined, sentence

_LONGEST_LINE = 160  # characters of a line that is shown as it is meant
_LONGEST_LINE_READ = 2000  # characters of a line in which a slip is looked for


class Cure(NamedTuple):
    """What was done, and the line as it is meant; "" for a line that only its author can write."""

    what: Text
    line: str = ""


def describe_toml_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[int | None, Text]:
    """Return the line of an error, where it is known, and a message with that line and a caret under the place."""
    place = _PLACE.search(str(error))
    reason = str(error)[: place.start()] if place else str(error).removesuffix(_AT_THE_END)
    if "\r" in text and "\n" not in text:
        what = sentence(
            "its lines end in CR alone, as on an old Mac. Save it with the line ends of Unix (LF) or Windows (CRLF)."
        )
        return None, _not_toml(Cure(what))
    if place:
        number, column = int(place[1]), int(place[2]) - 1
    elif opened := _never_closed(text):
        number, column = opened
        reason = "Unterminated string" if reason.startswith("Unterminated") else "Unclosed"
    else:
        return None, _not_toml(Cure(_by_reason(reason)))
    lines = text.split("\n")
    line = lines[number - 1].removesuffix("\r")
    is_behind = reason.startswith("Unclosed array") and not line[:column].strip()
    if is_behind and (opening := _open_list(lines[: number - 1])) is not None:
        what = sentence(
            'the list that begins here is not closed: "]" is missing before line {line}.', line=number
        )
        line = lines[opening].removesuffix("\r")
        return opening + 1, joined("", (_not_toml(Cure(what)), caret(*mask_line(line, line.index("[")))))
    cure = next(_cures(line, column, reason, text, number), None) or Cure(_by_reason(reason))
    return number, joined("", (_not_toml(cure), caret(*mask_line(line, column))))


def _open_list(lines: Sequence[str]) -> int | None:
    """Return the index of the last line in which the list of a key begins and does not end."""
    for index in range(len(lines) - 1, -1, -1):
        if _LIST_OPENED.match(lines[index]):
            return None if _is_toml(lines[index]) else index
    return None


def _not_toml(cure: Cure) -> Text:
    if not cure.line.strip() or len(cure.line) > _LONGEST_LINE:
        return sentence("this is not TOML: {what}", what=cure.what)
    meant = mask_line(cure.line.strip())[0]
    return sentence("this is not TOML: {what} Write: {line}", what=cure.what, line=meant)


_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_AT_THE_END = " (at end of document)"
_LIST_OPENED = re.compile(r"\s*[^\s=#]+\s*=\s*\[")
_OPENED = re.compile(r"""^\s*[^\s=#]+\s*=\s*("{3}|'{3}|\[|\{|["'])""")


def _by_reason(reason: str) -> Text:
    """Return what tomllib's words mostly come from; its words themselves where nothing is known."""
    if reason.startswith("Illegal character '\\n'"):
        return sentence("a quotation mark is missing on this line.")
    if reason.startswith("Unterminated string"):
        return sentence("a quotation mark is missing: a text begins here and never ends.")
    if reason.startswith("Unclosed"):
        return sentence("a comma, a quotation mark or a bracket is missing here or before.")
    if reason.startswith(("Unescaped", "Invalid hex value", "Escaped character")):
        return sentence(
            "a \\ in double quotation marks begins a special character. Write \\\\ for each \\, or put single "
            "quotation marks around the text: '/gpt-\\d/'."
        )
    if reason.startswith("Invalid value"):
        return sentence("a text stands in quotation marks, a list in brackets.")
    if reason.startswith("Expected '='"):
        return sentence('a "=" is missing between a key and its value.')
    if reason.startswith("Expected newline"):
        return sentence("something is left over behind the value.")
    if reason.startswith("Invalid statement"):
        return sentence(
            'neither a key with its value (key = "value") nor a [table] nor a # comment stands here.'
        )
    return sentence("{reason}.", reason=reason)


def _never_closed(text: str) -> tuple[int, int] | None:
    """Return the line and column of the last value that is opened and has no end; None when there is none."""
    lines = text.split("\n")
    for index in range(len(lines) - 1, -1, -1):
        opened = _OPENED.match(lines[index])
        # By itself first: to parse all that follows each of thousands of lines takes minutes.
        if opened and not _is_toml(lines[index]) and not _is_toml("\n".join(lines[index:])):
            return index + 1, opened.start(1)
    return None


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return True


def _is_line(line: str) -> bool:
    """Whether a line is TOML: by itself, or as the first, a middle or the last line of a list."""
    return any(
        map(_is_toml, (line, f"{line}\n]", f"x = [\n{line}\n]", f"x = [\n{line}"))
    ) and not line.strip().startswith("]]")


def _cures(line: str, column: int, reason: str, text: str, number: int) -> Iterator[Cure]:
    """Yield what may have been meant, the likeliest first."""
    if len(line) > _LONGEST_LINE_READ:
        return
    if cure := _chinese_characters(line, column, reason):
        yield cure
        return
    yield from _heads(line, reason, text, number)
    if reason.startswith("Cannot overwrite") or reason.startswith("Duplicate"):
        yield _name_twice(text, number)
    for find in _CURES:
        cure = find(line)
        if cure and (not cure.line or _is_line(cure.line)):
            yield cure._replace(line=_with_brackets(cure.line))


# --- Chinese characters where TOML has ASCII ones ---

_QUOTES = dict.fromkeys("“”„‟＂「」『』《》«»", '"') | dict.fromkeys("‘’‚‛＇", "'")
_COMMAS = dict.fromkeys("，、", ",")
_BRACKETS = dict(zip("【】〔〕［］｛｝（）", "[][][]{}()", strict=True))
_STRING = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'""")  # that ends on its line
_KEY_ALONE = re.compile(r"""\s*[^\s="':：]+\s*""")
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"


def _chinese_characters(line: str, column: int, reason: str) -> Cure | None:
    """Name the first character of Chinese punctuation that stands for an ASCII one, outside of texts."""
    meant, at, first = "", 0, None
    while at < len(line):
        character = line[at]
        string = _STRING.match(line, at) if character in "\"'" else None
        if character == "#":
            break
        if string:
            meant, at = meant + string[0], string.end()
        elif character in "\"'" or character in _QUOTES:
            end = next((end for end in range(at + 1, len(line)) if line[end] in _closing(character)), None)
            quote = '"' if character != "'" else "'"
            if character in _QUOTES:
                first = at if first is None else first
            elif first is None:
                first = end
            if end is None:
                meant, at = meant + quote, at + 1
                continue
            meant, at = f"{meant}{quote}{line[at + 1 : end]}{quote}", end + 1
        else:
            ascii_one = _ascii(character, line[:at])
            if ascii_one != character and first is None:
                first = at
            meant, at = meant + ascii_one, at + 1
            if ascii_one == "#":
                break
    meant += line[at:]
    if first is None or not _is_to_blame(line, first, column, reason):
        return None
    meant = _with_brackets(meant)
    return Cure(_named(line[first], first + 1, line[:first]), meant if _is_line(meant) else "")


def _closing(quote: str) -> str:
    if quote in "\"'":
        return "".join(_QUOTES)
    return "".join(_QUOTES) + "\"'"


def _is_to_blame(line: str, first: int, column: int, reason: str) -> bool:
    """Whether a character at `first` can be why TOML ends at `column`: not one in a text that has no marks at all."""
    return first <= column or "=" not in line[:first] or reason.startswith("Illegal character '\\n'")


def _ascii(character: str, before: str) -> str:
    """Return the ASCII character for a full-width or Chinese one; "" for one that nobody sees."""
    if character in "：" and _KEY_ALONE.fullmatch(before):
        return "="
    if character in _UNSEEN:
        return ""
    if character == "；":
        return ""
    if known := {**_COMMAS, **_BRACKETS, "。": "."}.get(character):
        return known
    if unicodedata.category(character) == "Zs":
        return " "
    return (
        unicodedata.normalize("NFKC", character)
        if unicodedata.east_asian_width(character) == "F"
        else character
    )


def _named(character: str, column: int, before: str) -> Text:
    instead = _QUOTES.get(character) or _ascii(character, before)
    values: dict[str, str | int] = {"found": character, "column": column, "instead": instead}
    if character in _QUOTES:
        return sentence(
            "{found} in column {column} is a Chinese quotation mark: type {instead} instead.", **values
        )
    if character in _COMMAS:
        return sentence("{found} in column {column} is a Chinese comma: type {instead} instead.", **values)
    if character == "＝":
        return sentence(
            "{found} in column {column} is a Chinese equals sign: type {instead} instead.", **values
        )
    if character == "：":
        return sentence("{found} in column {column} is a Chinese colon: type {instead} instead.", **values)
    if character in _BRACKETS:
        return sentence("{found} in column {column} is a Chinese bracket: type {instead} instead.", **values)
    if character in _UNSEEN or character == "；":
        shown = character if character == "；" else f"U+{ord(character):04X}"
        return sentence(
            "{found} in column {column} does not belong here: take it out.", found=shown, column=column
        )
    if not instead.strip():
        return sentence(
            "the space in column {column} is not an ordinary one ({code}): type an ordinary one.",
            column=column,
            code=f"U+{ord(character):04X}",
        )
    return sentence("{found} in column {column} is a full-width character: type {instead} instead.", **values)


# --- heads of tables, names that stand twice ---

_HEAD_LIKE = re.compile(r"\s*\[{1,2}\s*([A-Za-z_]+)\s*\]{0,2}\s*(#.*)?$")


def _heads(line: str, reason: str, text: str, number: int) -> Iterator[Cure]:
    head = _HEAD_LIKE.match(line)
    if not head:
        return
    name = head[1]
    right = _head(name)
    before = [table for table in read_positions(text).tables if table.name == name and table.line < number]
    if reason.startswith("Cannot") and before and name in NOUN_TABLES:
        yield Cure(
            sentence(
                "[{name}] with one bracket stands once in a file, and here is another (the first: line {line}). "
                "Write {right} in both places.",
                name=name,
                line=before[0].line,
                right=right,
            )
        )
    elif reason.startswith("Cannot") and before:
        yield Cure(
            sentence(
                "{right} stands twice, first in line {line}. Put its lines there, under the first one.",
                right=right,
                line=before[0].line,
            )
        )
    elif reason.startswith("Expected ']"):
        yield Cure(sentence("a bracket is missing at the head of a table."), right)


def _head(table: str) -> str:
    return f"[[{table}]]" if table in NOUN_TABLES else f"[{table}]"


def _name_twice(text: str, number: int) -> Cure:
    keys = read_positions(text).keys
    second = next((key for key in reversed(keys) if key.line <= number), None)
    first = next(
        (key for key in keys if second and key.table == second.table and key.names == second.names), None
    )
    if first is None or second is None or first is second:
        return Cure(sentence("this name stands in the table twice: take one of the two out."))
    name = ".".join(second.names)
    return Cure(
        sentence(
            "{name} stands in the table twice, first in line {line}: take one of the two out.",
            name=name,
            line=first.line,
        )
    )


# --- other slips, each on one line ---


def _list_keys() -> set[str]:
    """Return the keys whose value is a list, in whichever table."""
    found = set()
    for kind in (*OPTION_TABLES.values(), *NOUN_TABLES.values()):
        for declared in fields(kind):
            inner = get_args(declared.type)[0] if get_origin(declared.type) is Annotated else declared.type
            if get_origin(inner) is tuple and declared.name != "headers":
                found.add(declared.name)
    return found


LIST_KEYS = frozenset(_list_keys())
_PAIR = re.compile(
    r"""(?P<head>\s*(?P<key>[A-Za-z0-9_-]+|"[^"]*")\s*=\s*)(?P<value>.*?)(?P<tail>\s*(?:\s#.*)?)$"""
)


def _with_brackets(line: str) -> str:
    """Put brackets around a text that stands where a list is wanted."""
    pair = _PAIR.match(line)
    if pair and pair["key"] in LIST_KEYS and _STRING.fullmatch(pair["value"]):
        return f"{pair['head']}[{pair['value']}]{pair['tail']}"
    return line


_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "是", "开", "真"), "true"),
    **dict.fromkeys(("false", "no", "off", "否", "关", "假"), "false"),
}


def _true_or_false(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    word = pair["value"] if pair else ""
    if pair and word.lower() in _WORDS:
        right = _WORDS[word.lower()]
        what = sentence("{found} is written {right} here, in small letters.", found=word, right=right)
        return Cure(what, f"{pair['head']}{right}{pair['tail']}")
    if pair and word.lower() in ("none", "null", "nil"):
        return Cure(sentence("TOML has no {found}: take this line out, and the default counts.", found=word))
    return None


def _no_value(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    if pair and not pair["value"].partition("#")[0].strip():
        return Cure(sentence('there is no value behind the "=": write one, or take the line out.'))
    return None


def _path(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    value = pair["value"] if pair else ""
    if pair and re.fullmatch(r'"([A-Za-z]:|\\)\\[^"\']*"', value):
        what = sentence(
            "a \\ in double quotation marks begins a special character. A path goes into single ones."
        )
        return Cure(what, f"{pair['head']}'{value[1:-1]}'{pair['tail']}")
    return None


def _key_in_quotes(line: str) -> Cure | None:
    key = _UNQUOTED_KEY.match(line)
    if not key:
        return None
    what = sentence("a name with such characters stands in quotation marks.")
    return Cure(what, f'"{key[1]}"{line[key.end(1) :]}')


_UNQUOTED_KEY = re.compile(r"\s*([^\s\"'=#]*[^\x00-\x7f][^\s\"'=#]*)(?=\s*=)")


def _equals_sign(line: str) -> Cure | None:
    found = re.match(r"(\s*[A-Za-z0-9_-]+)\s*(?::=?|=>|==)\s*(\S.*)$", line) or re.match(
        r"(\s*[A-Za-z0-9_-]+)[ \t]+([\"'\[\d].*)$", line
    )
    if not found:
        return None
    pair = f"{found[1]} = {found[2]}"
    quoted = _text_in_quotes(pair)
    if not _is_line(pair) and quoted:
        pair = quoted.line
    return Cure(sentence('a key and its value are joined by "=".'), pair)


def _of_another_language(line: str) -> Cure | None:
    if line.lstrip().startswith("{"):
        return Cure(sentence("this looks like JSON. A table is written [smtp], a key of it port = 465."))
    found = re.fullmatch(r"\s*([A-Za-z_]+)\s*:\s*", line)
    if not found:
        return None
    return Cure(
        sentence("this looks like YAML. A table is written in brackets, its keys with = below."),
        _head(found[1]),
    )


def _comment(line: str) -> Cure | None:
    found = re.match(r"\s*(//|;|--|<!--|')\s?(.*)$", line)
    return Cure(sentence("a comment begins with #."), f"# {found[2]}") if found else None


def _end_of_line(line: str) -> Cure | None:
    found = re.match(r"(.*\S)\s*[;,]+\s*(#.*)?$", line)
    if not found:
        return None
    return Cure(sentence("a line ends without a comma or semicolon."), found[1])


def _leading_zero(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    number = re.fullmatch(r"0+([1-9]\d*)", pair["value"]) if pair else None
    if not pair or not number:
        return None
    return Cure(sentence("a number does not begin with 0."), f"{pair['head']}{number[1]}{pair['tail']}")


def _several(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    if not pair or not re.fullmatch(
        rf"(?:{_STRING.pattern})(?:\s*,\s*(?:{_STRING.pattern}))+,?", pair["value"]
    ):
        return None
    return Cure(
        sentence("several values stand in brackets."), f"{pair['head']}[{pair['value']}]{pair['tail']}"
    )


def _missing_comma(line: str) -> Cure | None:
    right = re.sub(rf"({_STRING.pattern})\s+(?=[\"'])", r"\1, ", line)
    return Cure(sentence("a comma is missing between two values."), right) if right != line else None


def _text_in_quotes(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    value = pair["value"].strip() if pair else ""
    if not pair or not value or any(mark in value for mark in "\"'{}\\"):
        return None
    what = sentence("a text stands in quotation marks.")
    if inside := re.fullmatch(r"\[(.*)\]", value):
        items = [item.strip() for item in re.split(r"[,，、]", inside[1]) if item.strip()]
        if "[" in inside[1]:
            return None
        return Cure(what, f"{pair['head']}[{', '.join(map(_quoted, items))}]{pair['tail']}")
    if "[" in value or "]" in value:
        return None
    if pair["key"] in LIST_KEYS:
        items = [item.strip() for item in re.split(r"[,，、;；]", value) if item.strip()]
        what = sentence("a text stands in quotation marks, and this option takes a list, in brackets.")
        return Cure(what, f"{pair['head']}[{', '.join(map(_quoted, items))}]{pair['tail']}")
    return Cure(what, f"{pair['head']}{_quoted(value)}{pair['tail']}")


def _quoted(value: str) -> str:
    return f'"{value}"'


def _missing_quote(line: str) -> Cure | None:
    """Close a text at the end of its line, or open one at its beginning."""
    pair = _PAIR.match(f"{line} ") if "#" not in line else None
    value = pair["value"].strip() if pair else ""
    what = sentence("a quotation mark is missing on this line.")
    if pair and value.count('"') == 1 and "'" not in value and value[:1] == '"':
        return Cure(what, f'{pair["head"]}{value}"')
    if pair and value.count('"') == 1 and "'" not in value and value[-1:] == '"':
        return Cure(what, f'{pair["head"]}"{value}')
    return None


def _missing_bracket(line: str) -> Cure | None:
    pair = _PAIR.match(line)
    if pair and pair["value"].endswith("]") and "[" not in pair["value"]:
        return Cure(
            sentence("a bracket is missing on this line."), f"{pair['head']}[{pair['value']}{pair['tail']}"
        )
    return None


_CURES: tuple[Callable[[str], Cure | None], ...] = (
    _true_or_false,
    _no_value,
    _of_another_language,
    _path,
    _leading_zero,
    _several,
    _missing_comma,
    _missing_quote,
    _missing_bracket,
    _comment,
    _end_of_line,
    _key_in_quotes,
    _equals_sign,
    _text_in_quotes,
)
