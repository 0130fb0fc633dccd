"""Check a single word, the words of a rule beside each other, and rules beside each other for likely mistakes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from monitor.config.options import Rule
from monitor.errors import RuleError
from monitor.rules.fold import fold
from monitor.rules.patterns import SlowPatternError, find
from monitor.rules.score import HINT, WORTH, worth
from monitor.rules.script import continues_words, is_han
from monitor.rules.syntax import parse_word
from monitor.rules.when import Both, Expression, Is, Not, holds
from monitor.rules.words import AnyOf, Pattern, Spelling, Word, distinct, meaning, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What is odd, how to mend it, and the words that may stand instead without a question (None: none may)."""

    kind: str
    what: str
    fix: str
    safe: tuple[str, ...] | None = None


_WIDE = {"＋": "+", "！": "!", "＠": "@", "／": "/", "＝": "=", "＊": "*", "～": "~", "－": "-", "：": ":"}
_WIDE_SIGN = re.compile(
    r"^[＋！＠／＝]|^＊(?=.)|(?<=.)＊$|／(?=[A-Za-z]*$)|(?<=\s)～(?=\d*\s)|(?<=\s)－(?=\S)"
    r"|(?<=^title)：|(?<=^summary)：|(?<=^text)：|(?<=^author)：|(?<=^section)：|(?<=^link)：|(?<=^feed)："
)
_SEPARATOR = re.compile(r"\s*[、,，;；|｜]\s*")
_OPERATOR = re.compile(r"\s+(?:AND|OR|NOT|NEAR/\d+)\s+")
_SIGN_BEFORE = re.compile(r"^[+!](?=\w)")
_OTHER_FIELD = {
    "body": "text", "content": "text", "description": "summary", "intitle": "title", "inurl": "link", "url": "link",
    "headline": "title", "source": "feed",
}  # fmt: skip
_FIELD = re.compile(rf"^({'|'.join(_OTHER_FIELD)}):(?=[^/\s])", re.IGNORECASE)


def odd_word(written: str) -> Iterator[Odd]:
    """Everything odd about a word as it is written."""
    text = written.strip()
    pattern = _pattern_of(text)
    for look in _LOOKS_AT_PATTERNS if pattern else _LOOKS_AT_WORDS:
        yield from look(text)
    if pattern:
        yield from _slow(pattern)


def _pattern_of(text: str) -> Pattern | None:
    try:
        term = parse_word("", text).term
    except RuleError:
        return None
    return term if isinstance(term, Pattern) else None


def _han(text: str) -> Iterator[Odd]:
    folded = fold(text.removeprefix("=")).text
    if len(folded) == 1 and is_han(folded):
        what = "one Chinese character alone is part of many words"
        yield Odd(kind="han", what=what, fix='write the whole word, or guard it: "车 -车间 -风车"')


def _width(text: str) -> Iterator[Odd]:
    meant = _WIDE_SIGN.sub(lambda found: _WIDE[found[0]], text)
    if meant != text:
        signs = ", ".join(dict.fromkeys(_WIDE_SIGN.findall(text)))
        yield Odd(
            kind="width",
            what=f"{signs} is full-width, so it is looked for as it stands",
            fix=f"write {quoted(meant)}",
            safe=(meant,) if _reads(meant) else None,
        )


def _reads(text: str) -> bool:
    """Can it be read, whatever alias sets there are?"""
    return text.startswith("@") or not isinstance(_attempt(text), RuleError)


def _attempt(text: str) -> RuleError | None:
    try:
        parse_word("", text)
    except RuleError as error:
        return error
    return None


def _two(text: str) -> Iterator[Odd]:
    if text.startswith(("=", "link:")):
        return
    if _OPERATOR.search(text):
        what = "AND, OR and NOT are letters like others in a list"
        yield Odd(kind="two words", what=what, fix=f"write when = '{text}'")
        return
    pieces = [piece for piece in _SEPARATOR.split(text) if piece]
    if len(pieces) < 2 and "~" not in text and " -" not in text:
        pieces = re.split(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", text)
    if len(pieces) > 1 and all(any(map(str.isalpha, piece)) for piece in pieces):
        listed = ", ".join(map(quoted, pieces))
        what = "this is one word, found only where all of it stands in a row"
        yield Odd(kind="two words", what=what, fix=f"write {listed}", safe=tuple(pieces))


def _borrowed(text: str) -> Iterator[Odd]:
    """Signs of other programs."""
    if found := _SIGN_BEFORE.match(text):
        key = "all" if found[0] == "+" else "none"
        what = f'"{found[0]}" means nothing before a word here'
        yield Odd(kind="two words", what=what, fix=f'put "{text[1:]}" into {key}')
    if found := _FIELD.match(text):
        meant = f"{_OTHER_FIELD[found[1].lower()]}:{text[found.end() :]}"
        yield Odd(kind="field", what=f'"{found[0]}" is no field', fix=f"write {quoted(meant)}")


def _flags(text: str) -> Iterator[Odd]:
    if found := re.search(r"\(([imsx]+)\?\)", text):
        meant = text[: found.start()] + f"(?{found[1]})" + text[found.end() :]
        what = f'"{found[0]}" is the letter {found[1]}, or nothing; the flag is (?{found[1]})'
        yield Odd(kind="pattern", what=what, fix=f"write {quoted(meant)}", safe=(meant,))


def _boundary(text: str) -> Iterator[Odd]:
    if re.search(r"\\b", text):
        what = r"\b is no edge between a latin letter and a Chinese one"
        yield Odd(kind="pattern", what=what, fix="a plain latin word is a whole word beside Chinese too")


def _slow(pattern: Pattern) -> Iterator[Odd]:
    for probe in _probes(pattern.expression):
        try:
            find(pattern, probe)
        except SlowPatternError:
            what = "takes too long on some texts and is given up there"
            fix = 'avoid repeats within repeats, as in "(a+)+": write "a+"'
            yield Odd(kind="slow", what=what, fix=fix)
            return


def _probes(expression: str) -> Iterator[str]:
    """Texts on which a careless expression takes its time: long runs of what it names, and no end."""
    letters = dict.fromkeys(re.findall(r"[^\W_]", re.sub(r"\\.|\(\?\w+\)", "", expression)))
    ending = "\n!" + "".join(letters)  # an engine looks first whether all that is needed is there
    for letter in [*list(letters)[:8], "a", "1", " ", "中"]:
        yield letter * 200 + ending
    yield "a 1," * 100 + ending


_LOOKS_AT_WORDS: tuple[Callable[[str], Iterator[Odd]], ...] = (_han, _width, _two, _borrowed)
_LOOKS_AT_PATTERNS: tuple[Callable[[str], Iterator[Odd]], ...] = (_flags, _boundary)

Words = Mapping[str, Mapping[str, Word]]  # key -> word as written -> word; without those that cannot be read


@dataclass(frozen=True, slots=True)
class Read:
    """A rule, and as much of it as can be read."""

    rule: Rule
    words: Words
    when: Expression | None


Told = Iterator[tuple[str, str, Odd]]  # key, word, and what is odd about it


def odd_rule(read: Read) -> Told:
    """Everything odd within a rule."""
    for key, words in read.words.items():
        yield from _duplicates(key, words, getattr(read.rule, key))
    for key in ("any", "none"):
        yield from _covered(key, read.words[key])
    for key in ("any", "none", "hints"):
        yield from _in_a_set(key, read.words[key])
    yield from _contradictions(read.words)
    yield from _never(read.rule, read.words)
    for key, words in read.words.items():
        for written, word in words.items():
            yield from _guards(key, written, word)
    if read.when:
        yield from _expression(read.rule, read.when)


def _duplicates(key: str, words: Mapping[str, Word], written: Sequence[str]) -> Told:
    seen: dict[object, str] = {}
    for one in written:
        if one not in words:
            continue
        first = seen.get(meaning(words[one]))
        if first is not None:
            what = f'means the same as "{first}"' if first != one else "stands here twice"
            yield key, one, Odd(kind="duplicate", what=what, fix="take it out", safe=())
        seen.setdefault(meaning(words[one]), one)


def _covered(key: str, words: Mapping[str, Word]) -> Told:
    """In any and none a word adds nothing that only ever stands where a shorter one is found."""
    plain = {
        written: word.spellings[0]
        for written, word in words.items()
        if word.spellings and not word.fields and not word.guards and not word.spellings[0].exactly
    }
    by_text = {spelling.text: (written, spelling) for written, spelling in plain.items()}
    for written, spelling in plain.items():
        size = len(spelling.text)
        for start, end in combinations(range(size + 1), 2):
            shorter = by_text.get(spelling.text[start:end])
            if shorter and end - start < size and _always_in(shorter[1], spelling, start, end):
                what = f'is found only where "{shorter[0]}" is found as well'
                yield (
                    key,
                    written,
                    Odd(kind="shadowed", what=what, fix=f'take it out; "{shorter[0]}" is enough'),
                )
                break


def _in_a_set(key: str, words: Mapping[str, Word]) -> Told:
    """A name beside the set that holds it is one word more: it would count twice."""
    holding = {
        meaning(inner): word.written
        for word in words.values()
        if isinstance(word.term, AnyOf) and not (word.fields or word.guards)
        for inner in word.term.words
    }
    for written, word in words.items():
        if holder := holding.get(meaning(word)):
            yield key, written, Odd(kind="shadowed", what=f'is in "{holder}" as well', fix="take it out")


def _always_in(shorter: Spelling, longer: Spelling, start: int, end: int) -> bool:
    text = longer.text
    left = longer.left if start == 0 else not continues_words(text[start - 1])
    right = longer.right if end == len(text) else not continues_words(text[end])
    return (left or not shorter.left) and (right or not shorter.right)


def _contradictions(words: Words) -> Told:
    denied = {meaning(word): written for written, word in words["none"].items()}
    ignored = {meaning(word): written for written, word in words["ignore"].items()}
    for key in ("any", "all", "hints"):
        for written, word in words[key].items():
            for other, against in (("none", denied), ("ignore", ignored)):
                if meaning(word) in against:
                    what = f'stands in {other} too, as "{against[meaning(word)]}", so it never brings an entry in'
                    yield (
                        key,
                        written,
                        Odd(kind="contradiction", what=what, fix=f"take it out of {key} or of {other}"),
                    )


def _never(rule: Rule, words: Words) -> Told:
    weights = dict(rule.weights)
    best = max(*map(worth, rule.fields), *WORTH.values())
    shares = (("any", 1.0), ("all", 1.0), ("hints", HINT))
    reachable = sum(
        share * weights.get(word.written, 1.0) * best
        for key, share in shares
        for word in distinct(words[key].values())
    )
    readable = all(word in words[key] for key, _ in shares for word in getattr(rule, key))
    if readable and not rule.when and reachable < rule.threshold:
        what = f"all words together reach {reachable:g}, so the rule can never match"
        yield (
            "threshold",
            f"{rule.threshold:g}",
            Odd(kind="never", what=what, fix=f"write threshold = {reachable:g} or less"),
        )
    if not rule.any and not rule.all and not rule.when and len(rule.hints) == 1:
        what = "one hint alone counts in the title only"
        yield (
            "hints",
            rule.hints[0],
            Odd(kind="never", what=what, fix="put it into any, or add a second hint"),
        )


def _guards(key: str, written: str, word: Word) -> Told:
    for guard in word.guards:
        if not word.spellings or not guard.spellings:
            continue
        mine, theirs = word.spellings[0].text, guard.spellings[0].text
        if mine in theirs and mine != theirs:
            continue
        if any(
            mine.endswith(theirs[:size]) or mine.startswith(theirs[-size:])
            for size in range(1, len(theirs) + 1)
        ):
            if mine != theirs and theirs not in mine:
                continue
            what = f'its guard "{guard.written}" stands wherever it stands itself, so it is never found'
        else:
            what = f'its guard "{guard.written}" does not contain it, so it guards nothing'
        fix = f'write a longer phrase with "{mine}" in it, or put "{guard.written}" into none'
        yield key, written, Odd(kind="guard", what=what, fix=fix)


def _expression(rule: Rule, when: Expression) -> Told:
    if _true_of_nothing(when):
        what = "holds for an entry without any of its words, so it brings in nearly everything"
        yield "when", rule.when, Odd(kind="broad", what=what, fix="join a word with AND that has to be there")
    for part in _conjunctions(when):
        there = {meaning(one.word) for one in part.parts if isinstance(one, Is)}
        for one in part.parts:
            if isinstance(one, Not) and isinstance(one.part, Is) and meaning(one.part.word) in there:
                what = f'asks for "{one.part.word.written}" and denies it, so it never holds'
                yield "when", rule.when, Odd(kind="never", what=what, fix="take one of the two out")


def _true_of_nothing(when: Expression) -> bool:
    return holds(when, lambda _: False)


def _conjunctions(when: Expression) -> Iterator[Both]:
    if isinstance(when, Both):
        yield when
    for part in getattr(when, "parts", ()) or ((when.part,) if isinstance(when, Not) else ()):
        yield from _conjunctions(part)


def shadowed_rules(rules: Sequence[Read]) -> Iterator[tuple[Rule, str, str, Odd]]:
    """Rules whose every entry an earlier one brings already: (rule, key, word, what)."""
    for number, later in enumerate(rules):
        for earlier in rules[:number]:
            if _brings_all(earlier, later):
                what = f'whatever it brings, the rule "{earlier.rule.name}" before it brings too'
                fix = f'put it before "{earlier.rule.name}", or take these words out there'
                yield later.rule, "any", ", ".join(later.rule.any), Odd(kind="shadowed", what=what, fix=fix)
                break


def _brings_all(earlier: Read, later: Read) -> bool:
    one, other = earlier.rule, later.rule
    if not one.enabled or one.all or one.none or one.when or one.ignore or one.weights or one.threshold > 1:
        return False
    if other.hints or other.when or not other.any:
        return False
    scopes = ((one.feeds, other.feeds), (one.sections, other.sections), (one.languages, other.languages))
    if any(wide and not (narrow and set(narrow) <= set(wide)) for wide, narrow in scopes):
        return False
    if not set(other.fields) <= set(one.fields):
        return False
    known = {meaning(word) for word in earlier.words["any"].values()}
    return all(meaning(word) in known for word in later.words["any"].values())
