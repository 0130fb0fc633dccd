"""Read TrendRadar's frequency_words.txt as rules that mean what its author meant.

Groups of lines with an empty line between: a word, `+word` that must be there, `!word` that must not, `@5` at most,
`/regex/ => name`, `[name]` of the group, `#` comments, and the parts [GLOBAL_FILTER] and [WORD_GROUPS].
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from monitor.config.options import Rule
from monitor.errors import MonitorError, RuleError
from monitor.rules.patterns import FLAGS
from monitor.rules.script import continues_words
from monitor.rules.syntax import parse_word
from monitor.rules.words import Plain
from monitor.texts import sentence

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
_LONGEST_WORD = 40  # characters: what is longer is a sentence
_LONGEST_NAME = 60
# A line of TOML, YAML, JSON, HTML or Markdown. "=>" is TrendRadar's own.
_OTHER_FORMAT = re.compile(r"""[\w."'-]+\s*=(?!>)|[\w"'-]+:(\s|$)|[{}\]<]|\[\[|[-*]\s|["'],?$""")
_FULL_WIDTH = str.maketrans("＋！＠／［］", "+!@/[]")
_PARTS = ("GLOBAL_FILTER", "WORD_GROUPS")
_PATTERN = re.compile(r"/(.+)/([A-Za-z]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line that TrendRadar took in another way than it is taken here, or that has no place here."""

    line: int
    text: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRules:
    """The rules, and the words that keep an entry out of every rule."""

    rules: tuple[Rule, ...]
    excluded: tuple[str, ...]
    notes: tuple[Note, ...]


def decode_words(raw: bytes, file: str) -> str:
    """Return the text of a file, without a byte order mark.

    Raises MonitorError when it is not UTF-8, or does not look like a list of words; `file` is for the message.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MonitorError(_describe_encoding(raw, file))
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    others = [(number, line) for number, line in lines if _is_no_word(line)]
    if len(others) * 2 > len(lines):
        number, line = others[0]
        shown = line if len(line) <= _LONGEST_WORD else line[: _LONGEST_WORD - 1] + "…"
        raise MonitorError(
            sentence(
                "{file} does not read like a list of words: line {line} is {text}. "
                "Expected is a word on each line, and an empty line between groups",
                **{"file": file, "line": number, "text": shown},
            )
        )
    return text


def _describe_encoding(raw: bytes, file: str) -> str:
    encoding = "UTF-16" if raw.startswith(_BYTE_ORDER_MARKS) else "GB18030"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return sentence(
            "{file} is not text in UTF-8, nor in another encoding known here. Is it the right file?",
            file=file,
        )
    name = "UTF-16" if encoding == "UTF-16" else "GBK"
    return sentence(
        "{file} is not UTF-8 text; it looks like {name}. Save it as UTF-8, or write: "
        "iconv -f {encoding} -t UTF-8 {file} > utf8.txt",
        **{"file": file, "name": name, "encoding": encoding},
    )


def _is_no_word(line: str) -> bool:
    if line.startswith("/"):
        return False  # a regular expression may be long, and have any character in it
    return len(line) > _LONGEST_WORD or _OTHER_FORMAT.match(line) is not None


def read_words(text: str) -> ImportedRules:
    """Read the lines as rules. Nothing in them is an error: what has no place here is a note."""
    reader = _Reader()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        reader.read(number, line)
    return reader.result()


@dataclass(slots=True)
class _Group:
    """The lines of one group, while they are read."""

    line: int
    name: str = ""
    words: dict[str, list[str]] = field(default_factory=lambda: {"any": [], "all": [], "none": []})
    labels: list[str] = field(default_factory=list)
    max: int = 0
    exclusions: list[tuple[int, str]] = field(default_factory=list)  # the lines with "!"


class _Reader:
    """Goes through the lines, and knows in which part and group it is."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._excluded: list[str] = []
        self._notes: list[Note] = []
        self._in_global_part = False
        self._group: _Group | None = None
        self._after_gap = True  # an empty line, or the start of the file, stands before

    def read(self, number: int, line: str) -> None:
        text = line.strip()
        if not text:
            if line and self._group:
                self._note(
                    number, line, sentence("a line of spaces ends the group here; TrendRadar went on with it")
                )
            self._group, self._after_gap = None, True
            return
        if text.startswith("#"):
            return
        plain = text[:1].translate(_FULL_WIDTH) + text[1:]
        if plain != text:
            what = sentence(
                '"{found}" is full-width and is read as "{meant}"; TrendRadar looked for the character itself',
                found=text[0],
                meant=plain[0],
            )
            self._note(number, text, what)
        if plain.startswith("[") and plain[-1] in "]］":
            self._after_gap = self._head(number, text, plain[1:-1].strip())
            return
        if self._in_global_part:
            self._global_line(number, text, plain)
        else:
            self._group_line(number, text, plain)
        self._after_gap = False

    def _note(self, number: int, text: str, what: str) -> None:
        self._notes.append(Note(line=number, text=text, what=what))

    def _head(self, number: int, text: str, name: str) -> bool:
        """Begin a part or a group; return True for a part, behind which the name of a group may follow at once."""
        if not self._after_gap:
            what = sentence(
                "begins anew here; without an empty line before it, TrendRadar took it for a word"
            )
            self._note(number, text, what)
        if name.upper() in _PARTS:
            self._in_global_part, self._group = name.upper() == _PARTS[0], None
            return True
        if self._in_global_part:
            what = sentence("the global part ends here; TrendRadar took what follows for words of it")
            self._note(number, text, what)
        self._in_global_part, self._group = False, _Group(number, name)
        self._groups.append(self._group)
        return False

    def _global_line(self, number: int, text: str, line: str) -> None:
        if line[0] in "+@":
            self._note(
                number,
                text,
                sentence("has no meaning in the global part and was left out, as TrendRadar did"),
            )
            return
        if line[0] == "!":
            what = sentence("is kept out everywhere; TrendRadar did not read lines with ! in the global part")
            self._note(number, text, what)
        word_and_label = self._word(number, text, line.removeprefix("!"))
        if word_and_label is None:
            return
        word, _ = word_and_label
        self._excluded.append(word)
        if word.startswith("/"):
            what = sentence(
                "a regular expression counts here; not every version of TrendRadar read one in the global part"
            )
            self._note(number, text, what)

    def _group_line(self, number: int, text: str, line: str) -> None:
        if self._group is None:
            self._group = _Group(number)
            self._groups.append(self._group)
        group = self._group
        if line[0] == "@":
            if re.fullmatch(r"@\s*[1-9][0-9]*", line):
                group.max = int(line[1:])
            else:
                self._note(
                    number, text, sentence("says no number above 0 and was left out, as TrendRadar did")
                )
            return
        word_list = {"+": "all", "!": "none"}.get(line[0], "any")
        word_and_label = self._word(number, text, line if word_list == "any" else line[1:])
        if word_and_label is None:
            return
        word, label = word_and_label
        group.words[word_list].append(word)
        if word_list == "none":
            group.exclusions.append((number, text))
        elif word_list == "any" or not group.words["any"]:
            group.labels.append(label)

    def _word(self, number: int, text: str, line: str) -> tuple[str, str] | None:
        """Return a rule word with the same meaning, and what to call it; None when nothing is left."""
        written, arrow, label = (part.strip() for part in line.partition("=>"))
        if not written:
            self._note(number, text, sentence("has no word and was left out"))
            return None
        if arrow and label and self._group and self._group.name:
            self._note(
                number,
                text,
                sentence('the name "{name}" was left out: the rule is named after the group', name=label),
            )
        if pattern := _PATTERN.fullmatch(written):
            return self._pattern(number, text, pattern), label or pattern[1]
        return self._plain_word(number, text, written), label or written

    def _pattern(self, number: int, text: str, pattern: "re.Match[str]") -> str:
        expression, flags = pattern[1], "".join(dict.fromkeys(pattern[2].lower()))
        unknown = "".join(flag for flag in flags if flag not in FLAGS)
        if unknown:
            self._note(
                number,
                text,
                sentence('"{flags}" behind the last "/" means nothing here and was left out', flags=unknown),
            )
        flags = "".join(flag for flag in flags if flag in FLAGS)
        word = f"/{expression}/{flags}"
        try:
            parse_word("", word)
        except RuleError as error:
            why = error.explanation
            note = sentence("{why}; it is looked for as plain text, as TrendRadar did", why=why)
            self._note(number, text, note)
            return _literal(pattern[0])
        for what in _differences(expression, flags):
            self._note(number, text, what)
        return word

    def _plain_word(self, number: int, text: str, written: str) -> str:
        if not _means_itself(written):
            what = sentence(
                "contains a character of the rule language, so it was written as an equivalent regular expression"
            )
            self._note(number, text, what)
            return _literal(written)
        if continues_words(written[0]) or continues_words(written[-1]):
            self._note(number, text, _describe_edges(written))
        if re.search(r"\S\s+\S", written) and not written.isascii():
            what = sentence(
                "two words on one line are looked for side by side, as TrendRadar did; write each on its own line"
            )
            self._note(number, text, what)
        return written

    def result(self) -> ImportedRules:
        """Return the rules of the groups that have a word, and the notes in the order of the lines."""
        groups = [group for group in self._groups if group.words["any"] or group.words["all"]]
        for group in self._groups:
            if group not in groups:
                self._leave_out(group)
        for group in groups if len(groups) > 1 else ():
            for number, text in group.exclusions:
                what = sentence("is kept out of its own group only; TrendRadar kept it out of every group")
                self._note(number, text, what)
        names: list[str] = []
        for group in groups:
            names.append(free_name(group.name or _label(group.labels), names))
        return ImportedRules(
            rules=tuple(map(_rule, names, groups)),
            excluded=tuple(dict.fromkeys(self._excluded)),
            notes=tuple(sorted(dict.fromkeys(self._notes), key=lambda note: note.line)),
        )

    def _leave_out(self, group: _Group) -> None:
        """Take a group without words for one of exclusions everywhere."""
        for word, (number, text) in zip(group.words["none"], group.exclusions, strict=True):
            self._excluded.append(word)
            self._note(
                number, text, sentence("stands in a group without words, so it is kept out of every rule")
            )
        if not group.exclusions:
            head = f"[{group.name}]" if group.name else ""
            self._note(group.line, head, sentence("a group without words was left out"))


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name, with a number behind it when it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _differences(expression: str, flags: str) -> Iterator[str]:
    """Yield what a regular expression does here that it did not do in TrendRadar."""
    if "(i?)" in expression:
        yield sentence('"(i?)" is the letter i, or nothing; "monitor rules lint --fix" makes it (?i)')
    elif (
        "i" not in flags and "(?i" not in expression and re.search("[A-Za-z]", re.sub(r"\\.", "", expression))
    ):
        yield sentence(
            "upper and lower case differ here; TrendRadar never heeded case. {word} for as before",
            word=f"/{expression}/i",
        )
    if set(flags) & {"m", "s", "x"}:
        yield sentence("the flags behind it count here; TrendRadar did not heed them")
    if r"\b" in expression:
        yield sentence(
            "\\b finds no edge between a Chinese and a latin character; a plain latin word is a whole word"
        )


def _means_itself(written: str) -> bool:
    """Return whether the rule language reads a word as nothing but its letters."""
    if written[0] in "=*" or written.endswith("*"):
        return False
    try:
        word = parse_word("", written)
    except RuleError:
        return False
    return isinstance(word.term, Plain) and not word.fields and not word.guards


def _literal(written: str) -> str:
    """Return the regular expression that finds a text as it is written, in upper or lower case."""
    return "/" + re.sub(r"([^\w\s])", r"\\\1", written) + "/i"


def _describe_edges(written: str) -> str:
    if continues_words(written[0]) and continues_words(written[-1]):
        return sentence(
            'is a whole word here, beside Chinese too ("{word}" opens it on the right); TrendRadar found it inside '
            "longer words too",
            word=f"{written}*",
        )
    open_side = f"*{written}" if continues_words(written[0]) else f"{written}*"
    return sentence(
        'does not go on in a longer word here ("{word}" opens it); TrendRadar found it inside longer words too',
        word=open_side,
    )


def _label(labels: Sequence[str]) -> str:
    """Return what to call a group that has no name: its words, cut when they are many."""
    label = " / ".join(dict.fromkeys(labels))
    return label if len(label) <= _LONGEST_NAME else label[: _LONGEST_NAME - 1].rstrip(" /") + "…"


def _rule(name: str, group: _Group) -> Rule:
    return Rule(
        name=name,
        any=tuple(dict.fromkeys(group.words["any"])),
        all=tuple(dict.fromkeys(group.words["all"])),
        none=tuple(dict.fromkeys(group.words["none"])),
        max=group.max,
        fields=("title",),  # TrendRadar reads titles only
    )
