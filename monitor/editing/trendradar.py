"""TrendRadar's frequency_words.txt becomes rules that mean what its author meant.

Groups of lines with an empty line between: a word, `+word` that must be there, `!word` that must not, `@5` at most,
`/regex/ => name`, `[name]` of the group, `#` remarks, and the parts [GLOBAL_FILTER] and [WORD_GROUPS].
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitor.config.options import Rule
from monitor.errors import RuleError
from monitor.rules.patterns import FLAGS
from monitor.rules.script import continues_words
from monitor.rules.syntax import parse_word
from monitor.rules.words import Pattern, Plain

_WIDE = str.maketrans("＋！＠／［］", "+!@/[]")
_PARTS = ("GLOBAL_FILTER", "WORD_GROUPS")
_REGEX = re.compile(r"/(.+)/([A-Za-z]*)")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line that TrendRadar took in another way than it is taken here, or that has no place here."""

    line: int
    text: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The rules, and the words that no entry may have whichever rule it is for."""

    rules: tuple[Rule, ...]
    nowhere: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class _Group:
    """The lines of one group, while they are read."""

    line: int
    name: str = ""
    words: dict[str, list[str]] = field(default_factory=lambda: {"any": [], "all": [], "none": []})
    labels: list[str] = field(default_factory=list)
    most: int = 0
    denied: list[tuple[int, str]] = field(default_factory=list)  # lines with "!"


def read_words(text: str) -> Imported:
    """Read the file. Nothing in it is an error: what has no place here is a note."""
    reader = _Reader()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        reader.read(number, line)
    return reader.imported()


class _Reader:
    """Goes through the lines, and knows in which part and group it is."""

    def __init__(self) -> None:
        self.groups: list[_Group] = []
        self.nowhere: list[str] = []
        self.notes: list[Note] = []
        self._global = False
        self._group: _Group | None = None
        self._begins = True  # an empty line, or the start of the file, stands before

    def read(self, number: int, line: str) -> None:
        text = line.strip()
        if not text:
            if line and self._group:
                self._note(number, line, "a line of spaces ends the group here; TrendRadar went on with it")
            self._group, self._begins = None, True
            return
        if text.startswith("#"):
            return
        plain = text[:1].translate(_WIDE) + text[1:]
        if plain != text:
            what = f'"{text[0]}" is full-width and is read as "{plain[0]}"; TrendRadar looked for the character itself'
            self._note(number, text, what)
        if plain.startswith("[") and plain[-1] in "]］":
            self._begins = self._head(number, text, plain[1:-1].strip())
            return
        if self._global:
            self._denied_everywhere(number, text, plain)
        else:
            self._line(number, text, plain)
        self._begins = False

    def _note(self, number: int, text: str, what: str) -> None:
        self.notes.append(Note(line=number, text=text, what=what))

    def _head(self, number: int, text: str, name: str) -> bool:
        """Begin a part or a group; True for a part, behind which the name of a group may follow at once."""
        if not self._begins:
            self._note(
                number,
                text,
                "begins anew here; without an empty line before it, TrendRadar took it for a word",
            )
        if name.upper() in _PARTS:
            self._global, self._group = name.upper() == _PARTS[0], None
            return True
        if self._global:
            self._note(
                number, text, "the global part ends here; TrendRadar took what follows for words of it"
            )
        self._global, self._group = False, _Group(number, name)
        self.groups.append(self._group)
        return False

    def _denied_everywhere(self, number: int, text: str, line: str) -> None:
        if line[0] in "+@":
            self._note(number, text, "has no meaning in the global part and was left out, as TrendRadar did")
            return
        if line[0] == "!":
            self._note(
                number,
                text,
                "is kept out everywhere; TrendRadar did not read lines with ! in the global part",
            )
        word = self._word(number, text, line.removeprefix("!"))
        if word:
            self.nowhere.append(word[0])
            if _is_regex(word[0]):
                what = "a regular expression counts here; not every version of TrendRadar read one in the global part"
                self._note(number, text, what)

    def _line(self, number: int, text: str, line: str) -> None:
        if self._group is None:
            self._group = _Group(number)
            self.groups.append(self._group)
        group = self._group
        if line[0] == "@":
            if re.fullmatch(r"@\s*[1-9][0-9]*", line):
                group.most = int(line[1:])
            else:
                self._note(number, text, "says no number above 0 and was left out, as TrendRadar did")
            return
        key = {"+": "all", "!": "none"}.get(line[0], "any")
        word = self._word(number, text, line if key == "any" else line[1:])
        if word is None:
            return
        group.words[key].append(word[0])
        if key == "none":
            group.denied.append((number, text))
        elif key == "any" or not group.words["any"]:
            group.labels.append(word[1])

    def _word(self, number: int, text: str, line: str) -> tuple[str, str] | None:
        """A word of ours with the same meaning, and what to call it; None when nothing is left."""
        said, arrow, label = (part.strip() for part in line.partition("=>"))
        if not said:
            self._note(number, text, "has no word and was left out")
            return None
        if arrow and label and self._group and self._group.name:
            self._note(number, text, f'the name "{label}" was left out: the rule is named after the group')
        if found := _REGEX.fullmatch(said):
            return self._regex(number, text, found), label or found[1]
        return self._plain(number, text, said), label or said

    def _regex(self, number: int, text: str, found: "re.Match[str]") -> str:
        expression, flags = found[1], "".join(dict.fromkeys(found[2].lower()))
        unknown = "".join(flag for flag in flags if flag not in FLAGS)
        if unknown:
            self._note(number, text, f'"{unknown}" behind the last "/" means nothing here and was left out')
        flags = "".join(flag for flag in flags if flag in FLAGS)
        word = f"/{expression}/{flags}"
        try:
            parse_word("", word)
        except RuleError as error:
            self._note(number, text, f"{error.what}; it is looked for as plain text, as TrendRadar did")
            return _literal(found[0])
        if "(i?)" in expression:
            self._note(
                number, text, '"(i?)" is the letter i, or nothing; "monitor rules lint --fix" makes it (?i)'
            )
        elif (
            "i" not in flags
            and "(?i" not in expression
            and re.search("[A-Za-z]", re.sub(r"\\.", "", expression))
        ):
            what = f"upper and lower case differ here; TrendRadar never heeded case. /{expression}/i for as before"
            self._note(number, text, what)
        if set(flags) & {"m", "s", "x"}:
            self._note(number, text, "the flags behind it count here; TrendRadar did not heed them")
        if r"\b" in expression:
            what = r"\b finds no edge between a Chinese and a latin character; a plain latin word is a whole word"
            self._note(number, text, what)
        return word

    def _plain(self, number: int, text: str, said: str) -> str:
        if not _means_itself(said):
            what = "contains a character of the rule language, so it was written as an equivalent regular expression"
            self._note(number, text, what)
            return _literal(said)
        if continues_words(said[0]) or continues_words(said[-1]):
            self._note(number, text, f"{_edges(said)}; TrendRadar found it inside longer words too")
        if re.search(r"\S\s+\S", said) and not said.isascii():
            what = "two words on one line are looked for side by side, as TrendRadar did; write each on its own line"
            self._note(number, text, what)
        return said

    def imported(self) -> Imported:
        wanted = [group for group in self.groups if group.words["any"] or group.words["all"]]
        for group in self.groups:
            if group in wanted:
                continue
            for word, (number, text) in zip(group.words["none"], group.denied, strict=True):
                self.nowhere.append(word)
                self._note(number, text, "stands in a group without words, so it is kept out of every rule")
            if not group.denied:
                self._note(
                    group.line, f"[{group.name}]" if group.name else "", "a group without words was left out"
                )
        if len(wanted) > 1:
            for group in wanted:
                for number, text in group.denied:
                    what = "is kept out of its own group only; TrendRadar kept it out of every group"
                    self._note(number, text, what)
        names = list(_names(wanted))
        rules = tuple(
            Rule(
                name=name,
                any=tuple(dict.fromkeys(group.words["any"])),
                all=tuple(dict.fromkeys(group.words["all"])),
                none=tuple(dict.fromkeys(group.words["none"])),
                max=group.most,
                fields=("title",),  # TrendRadar reads titles only
            )
            for name, group in zip(names, wanted, strict=True)
        )
        notes = tuple(sorted(dict.fromkeys(self.notes), key=lambda note: note.line))
        return Imported(rules=rules, nowhere=tuple(dict.fromkeys(self.nowhere)), notes=notes)


def _is_regex(word: str) -> bool:
    return word.startswith("/")


def _means_itself(said: str) -> bool:
    """Would our language read this as nothing but these letters?"""
    if said[0] in "=*" or said.endswith("*"):
        return False
    try:
        word = parse_word("", said)
    except RuleError:
        return False
    return isinstance(word.term, Plain) and not word.fields and not word.guards


def _literal(said: str) -> str:
    word = "/" + re.sub(r"([^\w\s])", r"\\\1", said) + "/i"
    assert isinstance(parse_word("", word).term, Pattern)
    return word


def _edges(said: str) -> str:
    if continues_words(said[0]) and continues_words(said[-1]):
        return f'is a whole word here, beside Chinese too ("{said}*" opens it on the right)'
    open_side = f"*{said}" if continues_words(said[0]) else f"{said}*"
    return f'does not go on in a longer word here ("{open_side}" opens it)'


def _names(groups: Sequence[_Group]) -> Iterator[str]:
    """A name for each, no two the same."""
    given: set[str] = set()
    for group in groups:
        name = plain = group.name or _label(group.labels)
        number = 2
        while name in given:
            name, number = f"{plain} {number}", number + 1
        given.add(name)
        yield name


def _label(labels: Sequence[str]) -> str:
    said = " / ".join(dict.fromkeys(labels))
    return said if len(said) <= _LONGEST_NAME else said[: _LONGEST_NAME - 1].rstrip(" /") + "…"
