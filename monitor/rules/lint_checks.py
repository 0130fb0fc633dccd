"""Check a single word, the words of a rule beside each other, and rules beside each other for likely mistakes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from monitor.config.options import ENTRY_FIELDS, Rule
from monitor.errors import RuleError
from monitor.rules.expression import And, Contains, Expression, Not, holds, words_of
from monitor.rules.fold import fold
from monitor.rules.patterns import SlowPatternError, find
from monitor.rules.score import HINT, WORTH, worth
from monitor.rules.script import continues_words, is_han
from monitor.rules.syntax import parse_word
from monitor.rules.words import AnyOf, Pattern, Spelling, Word, distinct, meaning, quoted
from monitor.texts import sentence


class FindingKind(StrEnum):
    """What sort of mistake a finding is."""

    ERROR = "error"  # it cannot be parsed
    NEVER = "never"  # it can never match
    SHADOWED = "shadowed"  # something else finds all that it finds
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"  # asked for and forbidden
    HAN = "han"  # one Chinese character alone
    WIDTH = "width"  # a full-width character that has a meaning only as a half-width one
    TWO_WORDS = "two words"  # several words written as one
    SET = "set"  # an alias set within a phrase, where it is none
    FIELD = "field"  # a field that has another name here
    PATTERN = "pattern"  # a regular expression that means something else
    SLOW = "slow"  # a regular expression that takes too long
    GUARD = "guard"  # it guards nothing, or everything
    BROAD = "broad"  # it lets through nearly everything
    SILENT = "silent"  # it has matched nothing for long
    UNASKED = "unasked"  # no subscription has the rule


@dataclass(frozen=True, slots=True, kw_only=True)
class LintIssue:
    """A likely mistake, how to mend it, and the words that may stand instead without asking (None: none may)."""

    kind: FindingKind
    what: str
    fix: str
    safe: tuple[str, ...] | None = None


Words = Mapping[
    str, Mapping[str, Word]
]  # key -> word as written -> word; without those that cannot be parsed


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A rule, and as much of it as can be parsed."""

    rule: Rule
    words: Words
    when: Expression | None


Issues = Iterator[tuple[str, str, LintIssue]]  # key, word, and what is wrong about it


# --- a single word, before anything is known of its rule ----------------------------------------

_HALF_WIDTH = {
    "＋": "+", "！": "!", "＠": "@", "／": "/", "＝": "=", "＊": "*", "～": "~", "－": "-", "：": ":"
}  # fmt: skip
_FULL_WIDTH = re.compile(
    r"^[＋！＠／＝]|^＊(?=.)|(?<=.)＊$|／(?=[A-Za-z]*$)|(?<=\s)～(?=\d*\s)|(?<=\s)－(?=\S)|"
    + "|".join(rf"(?<=^{field})：" for field in ENTRY_FIELDS)
)
_SEPARATOR = re.compile(r"\s*[、,，;；|｜]\s*")
_OPERATOR = re.compile(r"\s+(?:AND|OR|NOT|NEAR/\d+)\s+")
_PREFIX = re.compile(r"^[+!](?=\w)")
_OTHER_NAMES = {
    "body": "text", "content": "text", "description": "summary", "intitle": "title", "inurl": "link", "url": "link",
    "headline": "title", "source": "feed",
}  # fmt: skip
_OTHER_FIELD = re.compile(rf"^({'|'.join(_OTHER_NAMES)}):(?=[^/\s])", re.IGNORECASE)


def check_word(written: str) -> Iterator[LintIssue]:
    """Yield what is wrong about a word as it is written."""
    text = written.strip()
    pattern = _pattern_of(text)
    for check in _CHECKS_OF_PATTERNS if pattern else _CHECKS_OF_WORDS:
        yield from check(text)
    if pattern:
        yield from _slow(pattern)


def _pattern_of(text: str) -> Pattern | None:
    try:
        term = parse_word("", text).term
    except RuleError:
        return None
    return term if isinstance(term, Pattern) else None


def _single_character(text: str) -> Iterator[LintIssue]:
    folded = fold(text.removeprefix("=")).text
    if len(folded) == 1 and is_han(folded):
        what = sentence("one Chinese character alone is part of many words")
        fix = sentence('write the whole word, or guard it: "车 -车间 -风车"')
        yield LintIssue(kind=FindingKind.HAN, what=what, fix=fix)


def _full_width(text: str) -> Iterator[LintIssue]:
    meant = _FULL_WIDTH.sub(lambda match: _HALF_WIDTH[match[0]], text)
    if meant != text:
        characters = ", ".join(dict.fromkeys(_FULL_WIDTH.findall(text)))
        yield LintIssue(
            kind=FindingKind.WIDTH,
            what=sentence(
                "{characters} is full-width, so it is looked for as it stands", characters=characters
            ),
            fix=sentence("write {words}", words=quoted(meant)),
            safe=(meant,) if _can_be_parsed(meant) else None,
        )


def _can_be_parsed(text: str) -> bool:
    """Return whether a word can be parsed whatever alias sets there are."""
    if text.startswith("@"):
        return True
    try:
        parse_word("", text)
    except RuleError:
        return False
    return True


def _several_words(text: str) -> Iterator[LintIssue]:
    if text.startswith(("=", "link:")):
        return
    if _OPERATOR.search(text):
        what = sentence("AND, OR and NOT are letters like others in a list")
        fix = sentence("write {words}", words=f"when = '{text}'")
        yield LintIssue(kind=FindingKind.TWO_WORDS, what=what, fix=fix)
        return
    pieces = _pieces(text)
    if len(pieces) > 1 and all(any(map(str.isalpha, piece)) for piece in pieces):
        what = sentence("this is one word, found only where all of it stands in a row")
        fix = sentence("write {words}", words=", ".join(map(quoted, pieces)))
        yield LintIssue(kind=FindingKind.TWO_WORDS, what=what, fix=fix, safe=tuple(pieces))


def _pieces(text: str) -> list[str]:
    """Return the parts of a word between separators, else between Chinese parts with a space between them."""
    pieces = [piece for piece in _SEPARATOR.split(text) if piece]
    if len(pieces) < 2 and "~" not in text and " -" not in text:
        return re.split(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", text)
    return pieces


def _other_syntax(text: str) -> Iterator[LintIssue]:
    """Find what has a meaning in other programs only."""
    if prefix := _PREFIX.match(text):
        key = "all" if prefix[0] == "+" else "none"
        what = sentence('"{mark}" means nothing before a word here', mark=prefix[0])
        fix = sentence('put "{word}" into {list}', word=text[1:], list=key)
        yield LintIssue(kind=FindingKind.TWO_WORDS, what=what, fix=fix)
    if field := _OTHER_FIELD.match(text):
        meant = f"{_OTHER_NAMES[field[1].lower()]}:{text[field.end() :]}"
        what = sentence('"{name}" is no field', name=field[0])
        yield LintIssue(kind=FindingKind.FIELD, what=what, fix=sentence("write {words}", words=quoted(meant)))


def _misspelt_flags(text: str) -> Iterator[LintIssue]:
    if flags := re.search(r"\(([imsx]+)\?\)", text):
        meant = text[: flags.start()] + f"(?{flags[1]})" + text[flags.end() :]
        what = sentence(
            '"{found}" is the letter {flags}, or nothing; the flag is (?{flags})',
            found=flags[0],
            flags=flags[1],
        )
        fix = sentence("write {words}", words=quoted(meant))
        yield LintIssue(kind=FindingKind.PATTERN, what=what, fix=fix, safe=(meant,))


def _word_boundary(text: str) -> Iterator[LintIssue]:
    if re.search(r"\\b", text):
        what = sentence("\\b is no edge between a latin letter and a Chinese one")
        fix = sentence("a plain latin word is a whole word beside Chinese too")
        yield LintIssue(kind=FindingKind.PATTERN, what=what, fix=fix)


_SET = re.compile(r"[@＠]([^\s@＠]+)")
_BEFORE_SET = re.compile(r"(?:^|\s)(?:~\d*|NEAR/\d+|AND|OR|NOT)\s+$")


def set_in_phrase(text: str) -> Iterator[LintIssue]:
    """Yield the names of alias sets that stand within a phrase, where they are letters like others."""
    if text.startswith(("=", "@", "＠")):
        return
    for place in _SET.finditer(text):
        before, name = text[: place.start()], f"@{place[1]}"
        if (before[-1:].isspace() or is_han(before[-1:])) and not _BEFORE_SET.search(before):
            what = sentence(
                "holds {name} within a phrase, where it is no alias set but looked for as it stands",
                name=quoted(place[0]),
            )
            near = quoted(f"{before.split()[-1]} ~8 {name}")
            fix = sentence(
                "write {name} as a word of its own, or {near} for a word near it",
                name=quoted(name),
                near=near,
            )
            yield LintIssue(kind=FindingKind.SET, what=what, fix=fix)


_CHECKS_OF_WORDS: tuple[Callable[[str], Iterator[LintIssue]], ...] = (
    _single_character,
    _full_width,
    _several_words,
    _other_syntax,
    set_in_phrase,
)
_CHECKS_OF_PATTERNS: tuple[Callable[[str], Iterator[LintIssue]], ...] = (_misspelt_flags, _word_boundary)


def _slow(pattern: Pattern) -> Iterator[LintIssue]:
    for text in _texts_that_take_long(pattern.expression):
        try:
            find(pattern, text)
        except SlowPatternError:
            what = sentence("takes too long on some texts and is given up there")
            fix = sentence('avoid repeats within repeats, as in "(a+)+": write "a+"')
            yield LintIssue(kind=FindingKind.SLOW, what=what, fix=fix)
            return


def _texts_that_take_long(expression: str) -> Iterator[str]:
    """Yield texts on which a careless expression takes its time: long runs of what it names, and no end."""
    letters = dict.fromkeys(re.findall(r"[^\W_]", re.sub(r"\\.|\(\?\w+\)", "", expression)))
    ending = "\n!" + "".join(letters)  # an engine looks first whether all that is needed is there
    for letter in [*list(letters)[:8], "a", "1", " ", "中"]:
        yield letter * 200 + ending
    yield "a 1," * 100 + ending


# --- the words of a rule beside each other ------------------------------------------------------


def check_rule(parsed: ParsedRule) -> Issues:
    """Yield what is wrong within a rule, its words by themselves aside."""
    for key, words in parsed.words.items():
        yield from _duplicates(key, words, getattr(parsed.rule, key))
    for key in ("any", "none"):
        yield from _covered(key, parsed.words[key])
    for key in ("any", "none", "hints"):
        yield from _beside_its_set(key, parsed.words[key])
    yield from _contradictions(parsed.words)
    yield from _unreachable(parsed.rule, parsed.words)
    for key, words in parsed.words.items():
        for written, word in words.items():
            yield from _useless_guards(key, written, word)
    if parsed.when:
        yield from _check_when(parsed.rule, parsed.when)
        for word, _ in words_of(parsed.when):
            for issue in set_in_phrase(word.written):
                yield "when", parsed.rule.when, issue


def _duplicates(key: str, words: Mapping[str, Word], written_words: Sequence[str]) -> Issues:
    first_of_meaning: dict[object, str] = {}
    for written in written_words:
        if written not in words:
            continue
        first = first_of_meaning.get(meaning(words[written]))
        if first is not None:
            what = sentence('means the same as "{word}"', word=first)
            what = sentence("stands here twice") if first == written else what
            fix = sentence("take it out")
            yield key, written, LintIssue(kind=FindingKind.DUPLICATE, what=what, fix=fix, safe=())
        first_of_meaning.setdefault(meaning(words[written]), written)


def _covered(key: str, words: Mapping[str, Word]) -> Issues:
    """Find words of any and none that add nothing: they only ever stand where a shorter one is found."""
    plain = {
        written: word.spellings[0]
        for written, word in words.items()
        if word.spellings and not word.fields and not word.guards and not word.spellings[0].exact
    }
    by_text = {spelling.text: (written, spelling) for written, spelling in plain.items()}
    for written, spelling in plain.items():
        if covering := _covering(spelling, by_text):
            what = sentence('is found only where "{word}" is found as well', word=covering)
            fix = sentence('take it out; "{word}" is enough', word=covering)
            yield key, written, LintIssue(kind=FindingKind.SHADOWED, what=what, fix=fix)


def _covering(longer: Spelling, by_text: Mapping[str, tuple[str, Spelling]]) -> str | None:
    """Return the first shorter word that is found wherever this spelling is."""
    size = len(longer.text)
    for start, end in combinations(range(size + 1), 2):
        shorter = by_text.get(longer.text[start:end])
        if shorter and end - start < size and _always_within(shorter[1], longer, start, end):
            return shorter[0]
    return None


def _always_within(shorter: Spelling, longer: Spelling, start: int, end: int) -> bool:
    text = longer.text
    left = longer.closed_left if start == 0 else not continues_words(text[start - 1])
    right = longer.closed_right if end == len(text) else not continues_words(text[end])
    return (left or not shorter.closed_left) and (right or not shorter.closed_right)


def _beside_its_set(key: str, words: Mapping[str, Word]) -> Issues:
    """Find names beside the alias set that holds them: there they are one word more, and count twice."""
    sets = {
        meaning(member): word.written
        for word in words.values()
        if isinstance(word.term, AnyOf) and not (word.fields or word.guards)
        for member in word.term.words
    }
    for written, word in words.items():
        if name := sets.get(meaning(word)):
            what, fix = sentence('is in "{name}" as well', name=name), sentence("take it out")
            yield key, written, LintIssue(kind=FindingKind.SHADOWED, what=what, fix=fix)


def _contradictions(words: Words) -> Issues:
    excluding = {
        key: {meaning(word): written for written, word in words[key].items()} for key in ("none", "ignore")
    }
    for key in ("any", "all", "hints"):
        for written, word in words[key].items():
            for excluding_key, meanings in excluding.items():
                if meaning(word) in meanings:
                    same = meanings[meaning(word)]
                    what = sentence(
                        'stands in {list} too, as "{word}", so it never brings an entry in',
                        list=excluding_key,
                        word=same,
                    )
                    fix = sentence("take it out of {list} or of {other}", list=key, other=excluding_key)
                    yield key, written, LintIssue(kind=FindingKind.CONTRADICTION, what=what, fix=fix)


def _unreachable(rule: Rule, words: Words) -> Issues:
    """Find a threshold that all words together do not reach, and a hint that is alone."""
    shares = (("any", 1.0), ("all", 1.0), ("hints", HINT))
    all_parsed = all(written in words[key] for key, _ in shares for written in getattr(rule, key))
    if all_parsed and not rule.when:
        weights = dict(rule.weights)
        best = max(*map(worth, rule.fields), *WORTH.values())
        reachable = sum(
            share * weights.get(word.written, 1.0) * best
            for key, share in shares
            for word in distinct(words[key].values())
        )
        if reachable < rule.threshold:
            what = sentence(
                "all words together reach {score:g}, so the rule can never match", score=reachable
            )
            fix = sentence("write threshold = {score:g} or less", score=reachable)
            issue = LintIssue(kind=FindingKind.NEVER, what=what, fix=fix)
            yield "threshold", f"{rule.threshold:g}", issue
    if len(rule.hints) == 1 and not (rule.any or rule.all or rule.when):
        what = sentence("one hint alone counts in the title only")
        fix = sentence("put it into any, or add a second hint")
        yield "hints", rule.hints[0], LintIssue(kind=FindingKind.NEVER, what=what, fix=fix)


def _useless_guards(key: str, written: str, word: Word) -> Issues:
    for guard in word.guards:
        if not word.spellings or not guard.spellings:
            continue
        text, guard_text = word.spellings[0].text, guard.spellings[0].text
        if guard_text in text:
            what = sentence(
                'its guard "{guard}" stands wherever it stands itself, so it is never found',
                guard=guard.written,
            )
        elif text in guard_text or _can_overlap(text, guard_text):
            continue
        else:
            what = sentence(
                'its guard "{guard}" does not contain it, so it guards nothing', guard=guard.written
            )
        fix = sentence(
            'write a longer phrase with "{text}" in it, or put "{guard}" into none',
            text=text,
            guard=guard.written,
        )
        yield key, written, LintIssue(kind=FindingKind.GUARD, what=what, fix=fix)


def _can_overlap(text: str, guard: str) -> bool:
    """Return whether a text can begin with the end of a guard, or end with its beginning."""
    return any(
        text.endswith(guard[:size]) or text.startswith(guard[-size:]) for size in range(1, len(guard) + 1)
    )


def _check_when(rule: Rule, when: Expression) -> Issues:
    if holds(when, lambda _: False):
        what = sentence("holds for an entry without any of its words, so it brings in nearly everything")
        fix = sentence("join a word with AND that has to be there")
        yield "when", rule.when, LintIssue(kind=FindingKind.BROAD, what=what, fix=fix)
    for conjunction in _conjunctions(when):
        asked = {meaning(part.word) for part in conjunction.parts if isinstance(part, Contains)}
        for part in conjunction.parts:
            if isinstance(part, Not) and isinstance(part.part, Contains) and meaning(part.part.word) in asked:
                word = part.part.word.written
                what = sentence('asks for "{word}" and denies it, so it never holds', word=word)
                fix = sentence("take one of the two out")
                yield "when", rule.when, LintIssue(kind=FindingKind.NEVER, what=what, fix=fix)


def _conjunctions(when: Expression) -> Iterator[And]:
    if isinstance(when, And):
        yield when
    for part in getattr(when, "parts", ()) or ((when.part,) if isinstance(when, Not) else ()):
        yield from _conjunctions(part)


# --- rules beside each other --------------------------------------------------------------------


def shadowed_rules(rules: Sequence[ParsedRule]) -> Iterator[tuple[Rule, str, str, LintIssue]]:
    """Yield (rule, key, word, issue) for rules whose every entry an earlier one matches already."""
    for number, later in enumerate(rules):
        earlier = next((rule for rule in rules[:number] if _matches_all_of(rule, later)), None)
        if earlier:
            name = earlier.rule.name
            what = sentence('whatever it brings, the rule "{name}" before it brings too', name=name)
            fix = sentence('put it before "{name}", or take these words out there', name=name)
            issue = LintIssue(kind=FindingKind.SHADOWED, what=what, fix=fix)
            yield later.rule, "any", ", ".join(later.rule.any), issue


def _matches_all_of(earlier: ParsedRule, later: ParsedRule) -> bool:
    if not _is_any_alone(earlier.rule) or not _has_wider_scope(earlier.rule, later.rule):
        return False
    if later.rule.hints or later.rule.when or not later.rule.any:
        return False
    known = {meaning(word) for word in earlier.words["any"].values()}
    return all(meaning(word) in known for word in later.words["any"].values())


def _is_any_alone(rule: Rule) -> bool:
    """Return whether each word of `any` is enough by itself, and nothing keeps an entry out."""
    conditions = (rule.all, rule.none, rule.when, rule.ignore, rule.weights, rule.threshold > 1)
    return rule.enabled and not any(conditions)


def _has_wider_scope(rule: Rule, narrow: Rule) -> bool:
    """Return whether a rule looks at every entry and field that another looks at."""
    scopes = (
        (rule.feeds, narrow.feeds),
        (rule.sections, narrow.sections),
        (rule.languages, narrow.languages),
    )
    if any(wide_names and not (names and set(names) <= set(wide_names)) for wide_names, names in scopes):
        return False
    return set(narrow.fields) <= set(rule.fields)
