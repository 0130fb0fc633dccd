"""The bytes of a file become the text of a list of words, or it is said why they are none."""

import re

from monitor.errors import MonitorError

_LONGEST = 40  # characters: what is longer is a sentence
_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A line of TOML, YAML, JSON, HTML or Markdown. "=>" is TrendRadar's own.
_FOREIGN = re.compile(r"""[\w."'-]+\s*=(?!>)|[\w"'-]+:(\s|$)|[{}\]<]|\[\[|[-*]\s|["'],?$""")


def read_text(raw: bytes, file: str) -> str:
    """The text, a byte order mark taken off. Raises MonitorError for another encoding or another kind of file."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MonitorError(_other_encoding(raw, file))
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    foreign = [(number, line) for number, line in lines if _is_foreign(line)]
    if len(foreign) * 2 > len(lines):
        number, line = foreign[0]
        shown = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
        raise MonitorError(
            f"{file} does not read like a list of words: line {number} is {shown}. "
            "Wanted is a word on each line, and an empty line between groups"
        )
    return text


def _other_encoding(raw: bytes, file: str) -> str:
    encoding = "UTF-16" if raw.startswith(_MARKS) else "GB18030"
    try:
        words = raw.decode(encoding)
    except UnicodeDecodeError:
        words = "\0"
    if "\0" in words:
        return f"{file} is not text in UTF-8, nor in another encoding known here. Is it the right file?"
    known = "UTF-16" if encoding == "UTF-16" else "GBK"
    return (
        f"{file} is not UTF-8 text; it looks like {known}. Save it as UTF-8, or write: "
        f"iconv -f {encoding} -t UTF-8 {file} > utf8.txt"
    )


def _is_foreign(line: str) -> bool:
    if line.startswith("/"):
        return False  # a regular expression may be long, and have any sign in it
    return len(line) > _LONGEST or _FOREIGN.match(line) is not None
