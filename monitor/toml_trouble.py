"""What is wrong with a text that is not TOML: where, and what to do about it."""

import re
import tomllib
from unicodedata import east_asian_width

_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_UNQUOTED = re.compile(r"\s*([^\s\"'=#]*[^\x00-\x7f][^\s\"'=#]*)\s*=")
# What tomllib says, and what it mostly comes from.
_ADVICE = {
    "Illegal character '\\n'": "A quotation mark is missing on this line.",
    "Unclosed array": "A comma, a quotation mark or a bracket is missing here or before.",
    "Unescaped '\\' in a string": "Write \\\\ for each \\, or put single quotation marks around the word: '/gpt-\\d/'.",
    "Cannot overwrite a value": "This name stands in the table twice: take one of the two out.",
    "Invalid value": "A text stands in quotation marks, a list in brackets.",
}


def trouble(error: tomllib.TOMLDecodeError, text: str) -> tuple[int | None, str]:
    """The line, where it is known, and what to tell: with the line itself and a caret under the place."""
    said = str(error)
    found = _PLACE.search(said)
    what = said[: found.start()] if found else said
    told = f"this is not TOML: {what}."
    advice = next((advice for begin, advice in _ADVICE.items() if what.startswith(begin)), "")
    if found is None:
        return None, f"{told} {advice}".rstrip()
    number, column = int(found[1]), int(found[2]) - 1
    line = text.split("\n")[number - 1].removesuffix("\r")
    if name := _UNQUOTED.match(line):
        advice = f'A name with such signs stands in quotation marks: "{name[1]}" = …'
    return number, f"{told} {advice}".rstrip() + caret(line, column)


def caret(line: str, column: int) -> str:
    """Two lines to put behind a message: the text, and a caret under one of its signs, as wide as it is shown."""
    indent = len(line) - len(line.lstrip())
    before = ("\u3000" if east_asian_width(sign) in "WF" else " " for sign in line[indent:column])
    return f"\n    {line.lstrip()}\n    {''.join(before)}^"
